package config

import (
	"errors"
	"strconv"
	"strings"
)

// A Rate is so many in a second; 0 is no limit.
type Rate float64

var errRate = errors.New("not a rate")

// parseRate reads a rate: a whole number, and /s, /m or /h.
func parseRate(text string) (Rate, error) {
	count, per, _ := strings.Cut(text, "/")
	n, err := strconv.ParseUint(strings.TrimSpace(count), 10, 20)
	seconds := map[string]float64{"s": 1, "m": 60, "h": 3600}[strings.TrimSpace(per)]
	if err != nil || n == 0 || seconds == 0 {
		return 0, errRate
	}
	return Rate(float64(n) / seconds), nil
}
