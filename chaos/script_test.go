package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"holdfast/internal/webhook"
)

// A script is what a provider has to say, in order. The same seed, length and time make the same script.
type script struct {
	events     []scripted
	byKey      map[string]int
	deliveries []delivery
}

// A delivery is one webhook. Those that are sent again are deliveries of their own, with the same body or in other
// company.
type delivery struct {
	body   []byte
	events []int
	again  bool
}

// A scripted event is what is to come out of a part of a webhook. No two have the same key.
type scripted struct {
	key string // see [correlate]
	at  time.Time
	typ webhook.Type // empty: whatever the dialect makes of it

	// What the event makes true, where it makes something true.
	entity, aspect, value string
	safety                int
}

// correlate tells an event of the script by what a destination is told of it. Every event has a second of its own, but
// for the bans and reinstatements that share one so that there are ties.
func correlate(t webhook.Type, at time.Time) string {
	key := at.UTC().Format(time.DateTime)
	if t == webhook.AccountReinstated {
		key += " reinstated"
	}
	return key
}

const (
	accounts   = 12
	contacts   = 40
	phoneID    = "106540352242922"
	repeatOf   = 10 // one delivery of so many is sent again
	repeatFrom = 60 // it is one of the last so many
)

// newScript writes a script of n webhooks and of as many more as are sent again. The first event happens at start, and each
// other at most a second after the one before.
func newScript(seed uint64, n int, start time.Time) *script {
	w := &writer{
		rng: rand.New(rand.NewPCG(seed, 0)), now: start, script: &script{byKey: map[string]int{}},
		banned: map[int]bool{}, stopped: map[int]bool{},
	}
	for range n {
		w.next()
		if w.rng.IntN(repeatOf) == 0 {
			w.again()
		}
	}
	return w.script
}

// quiet is the same script without what is sent again.
func (s *script) quiet() *script {
	once := *s
	once.deliveries = nil
	for _, d := range s.deliveries {
		if !d.again {
			once.deliveries = append(once.deliveries, d)
		}
	}
	return &once
}

type writer struct {
	*script
	rng             *rand.Rand
	now             time.Time
	entries         []string // of each delivery so far, as JSON
	banned, stopped map[int]bool
	messages        []int // how far each has come: sent, delivered, read
	last            int   // account that was banned or reinstated
	tied            bool  // the next webhook reinstates it in the same second
}

func (w *writer) next() {
	switch p := w.rng.IntN(100); {
	case w.tied:
		w.tie()
	case p < 55:
		w.statuses(1 + w.rng.IntN(3))
	case p < 69:
		w.ban()
	case p < 78:
		w.limit()
	case p < 95:
		w.preference()
	default:
		w.unknown()
	}
}

// add notes an event; a tie happens in the same second as the one before.
func (w *writer) add(e scripted, tie bool) int {
	if !tie {
		w.now = w.now.Add(time.Second)
	}
	e.at = w.now
	e.key = correlate(e.typ, e.at)
	if _, taken := w.byKey[e.key]; taken {
		panic("two events of a script have the same key")
	}
	w.byKey[e.key] = len(w.events)
	w.events = append(w.events, e)
	return len(w.events) - 1
}

func (w *writer) send(entry string, events ...int) {
	w.entries = append(w.entries, entry)
	w.deliveries = append(w.deliveries, delivery{body: envelope(entry), events: events})
}

func envelope(entries ...string) []byte {
	return []byte(`{"object":"whatsapp_business_account","entry":[` + strings.Join(entries, ",") + `]}`)
}

func entry(account int, at int64, field, value string) string {
	return fmt.Sprintf(`{"id":%q,"time":%d,"changes":[{"field":%q,"value":%s}]}`, accountID(account), at, field, value)
}

func accountID(n int) string { return fmt.Sprintf("9100000000%04d", n) }

// again sends something of before once more: the same bytes, or what two webhooks said in one.
func (w *writer) again() {
	pick := func() int {
		first := max(0, len(w.deliveries)-repeatFrom)
		return first + w.rng.IntN(len(w.deliveries)-first)
	}
	a, b := pick(), pick()
	d := delivery{body: w.deliveries[a].body, events: w.deliveries[a].events, again: true}
	text := w.entries[a]
	if a != b && !w.deliveries[a].again && !w.deliveries[b].again && w.rng.IntN(2) == 0 {
		text += "," + w.entries[b]
		d.body = envelope(text)
		d.events = append(append([]int(nil), d.events...), w.deliveries[b].events...)
	}
	w.entries = append(w.entries, text)
	w.deliveries = append(w.deliveries, d)
}

func (w *writer) statuses(n int) {
	var events []int
	items := make([]string, n)
	for i := range items {
		m := w.rng.IntN(len(w.messages) + 5)
		if m >= len(w.messages) || w.messages[m] > 2 {
			m = len(w.messages)
			w.messages = append(w.messages, 0)
		}
		status := []string{"sent", "delivered", "read"}[w.messages[m]]
		w.messages[m]++
		events = append(events, w.add(scripted{}, false))
		items[i] = fmt.Sprintf(`{"id":"wamid.chaos%06d","status":%q,"timestamp":"%d","recipient_id":"491510000%04d"}`, m, status, w.now.Unix(), m%10000)
	}
	value := fmt.Sprintf(`{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":%q},"statuses":[%s]}`,
		phoneID, strings.Join(items, ","))
	w.send(fmt.Sprintf(`{"id":%q,"changes":[{"field":"messages","value":%s}]}`, accountID(0), value), events...)
}

// ban bans an account or, if it is banned, reinstates it.
func (w *writer) ban() {
	a := w.rng.IntN(accounts)
	w.banned[a] = !w.banned[a]
	w.status(a, w.banned[a], false)
	w.tied = w.banned[a] && w.rng.IntN(3) == 0
}

// tie reinstates an account in the second in which it was banned, by the webhook before. The ban is to be believed.
func (w *writer) tie() {
	w.tied = false
	w.status(w.last, false, true)
}

func (w *writer) status(account int, banned, tie bool) {
	w.last = account
	state, typ, safety, value := "REINSTATE", webhook.AccountReinstated, 0, map[string]string{"status": "active"}
	date := fmt.Sprintf("October 22, %06d", len(w.events)) // so that no two bans say the same
	if banned {
		state, typ, safety, value = "DISABLE", webhook.AccountBanned, 2, map[string]string{"status": "banned", "date": date}
	}
	e := w.add(scripted{
		typ: typ, entity: webhook.AccountEntity(accountID(account)), aspect: "status", value: compact(value), safety: safety,
	}, tie)
	w.send(entry(account, w.now.Unix(), "account_update",
		fmt.Sprintf(`{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":%q,"waba_ban_date":%q}}`, state, date)), e)
}

// The limits are few, so some say what is known already.
func (w *writer) limit() {
	a, limit := w.rng.IntN(accounts), []int{250, 1000, 2000, 10000}[w.rng.IntN(4)]
	e := w.add(scripted{
		typ: webhook.AccountCapabilityUpdated, entity: webhook.AccountEntity(accountID(a)), aspect: "limit.daily_per_business", value: compact(fmt.Sprint(limit)),
	}, false)
	w.send(entry(a, w.now.Unix(), "business_capability_update", fmt.Sprintf(`{"max_daily_conversations_per_business":%d}`, limit)), e)
}

func (w *writer) preference() {
	c := w.rng.IntN(contacts)
	w.stopped[c] = !w.stopped[c]
	wish, status, typ, safety := "stop", "stopped", webhook.ContactMarketingStopped, 1
	if !w.stopped[c] {
		wish, status, typ, safety = "resume", "resumed", webhook.ContactMarketingResumed, 0
	}
	who := fmt.Sprintf("4915200%05d", c)
	e := w.add(scripted{
		typ: typ, entity: webhook.ContactEntity(phoneID, who), aspect: "marketing", safety: safety,
		value: compact(map[string]string{"status": status, "basis": "user_preferences"}),
	}, false)
	value := fmt.Sprintf(`{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":%q},`+
		`"user_preferences":[{"wa_id":%q,"category":"marketing_messages","value":%q,"timestamp":%d}]}`, phoneID, who, wish, w.now.Unix())
	w.send(fmt.Sprintf(`{"id":%q,"changes":[{"field":"user_preferences","value":%s}]}`, accountID(0), value), e)
}

func (w *writer) unknown() {
	e := w.add(scripted{}, false)
	w.send(entry(w.rng.IntN(accounts), w.now.Unix(), "a_field_of_tomorrow", fmt.Sprintf(`{"number":%d}`, e)), e)
}

// compact is a value as JSON with sorted members, so that values can be compared.
func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and maps of strings
	}
	return string(text)
}

// mayBeUnchanged reports whether an event may find that what it says is known already, if the webhooks are processed in
// some order: there is an earlier one that says the same of the same thing.
func (s *script) mayBeUnchanged(event int) bool {
	e := s.events[event]
	if e.entity == "" {
		return false
	}
	for _, other := range s.events[:event] {
		if other.entity == e.entity && other.aspect == e.aspect && other.value == e.value && other.at.Before(e.at) {
			return true
		}
	}
	return false
}
