package load

import (
	"math"
	"slices"
	"time"
)

// A Latency is how long something took, in milliseconds: exact quantiles of all that was measured, none of an estimate.
type Latency struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// latencyOf sorts what it is given. A quantile is the smallest value that so many are not above (nearest rank).
func latencyOf(took []time.Duration) Latency {
	if len(took) == 0 {
		return Latency{}
	}
	slices.Sort(took)
	at := func(q float64) float64 {
		rank := int(math.Ceil(q * float64(len(took))))
		return milliseconds(took[max(rank, 1)-1])
	}
	return Latency{Count: len(took), P50: at(.50), P95: at(.95), P99: at(.99), Max: milliseconds(took[len(took)-1])}
}

// milliseconds rounds to microseconds.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond).Microseconds()) / 1000
}
