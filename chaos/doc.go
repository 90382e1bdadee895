// Package chaos breaks Holdfast from the outside and finds out whether its promises hold.
//
// It has tests only. Each starts a world: two ingresses, two workers, Temporal, and a PostgreSQL for each of Temporal and the
// state, as processes of their own. A provider sends a script of webhooks to it, some of them again, and repeats what is not
// answered 200. Meanwhile something goes wrong. When everything is mended and done with, all that is known is compared.
//
// # Invariants
//
// They are checked on everything, not on samples; see check.
//
//   - What was acknowledged is recorded, each event once and under one id, with an outcome that it may have.
//   - What is recorded as news is told to every destination that asks for it; nothing else is told to anybody.
//   - An event is told under one id, with the same bytes each time.
//   - It is told again only where an attempt before was not answered, or where something broke right after one that was.
//   - The event log and the facts are those of a quiet day, byte for byte, but for outcomes: webhooks overtake each other, so
//     an event may find that what it says is known already where it was news on the quiet day. The script knows which may.
//   - Who goes by the times of events, and passes over those marked late, knows what the state knows.
//   - In the end nothing is owed, open or spooled, nobody has ended by himself, and everybody ends when asked to.
//
// The checks are tested themselves: a run that nobody broke is spoiled in every way, and each must be found.
//
// All worlds begin with copies of the same databases, so with the same key of the installation: an event has the same id in all
// of them. Every event of the script happens in a second of its own, which is what it is known by when it is told.
//
// # Faults
//
// A fault is a line in faults: what goes wrong, how fast webhooks come meanwhile, and a function that does it and returns
// when it is mended. The function waits for what it needs by asking for it (await, eventually), never for a time, unless
// time is the fault. Whatever may keep a worker from noting what it has told it does between broken and mended, which
// allows repetitions for that time. What is special about the world of a fault (addresses, disks, programs) is in its options.
//
// `go test` runs those that are not long, on a short script. `make chaos` runs all, as root, and writes docs/chaos.md; one of
// them runs with
//
//	go test ./chaos -run TestChaos -v -full -fault 'kill a worker'
package chaos
