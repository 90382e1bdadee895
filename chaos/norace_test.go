//go:build !race

package chaos

func raceFlags() []string { return nil }
