//go:build race

package chaos

// raceFlags build Holdfast with the race detector if the tests have it.
func raceFlags() []string { return []string{"-race"} }
