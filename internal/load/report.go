package load

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// Schema names the form of a [Report]. It changes when a member is renamed or means something else.
const Schema = "holdfast-bench/1"

// A Report is what a run came to.
type Report struct {
	Schema   string         `json:"schema"`
	Version  string         `json:"version"` // of the program that measured
	Began    time.Time      `json:"began"`
	Offered  Offered        `json:"offered"`
	Webhooks Webhooks       `json:"webhooks"`
	Answers  map[string]int `json:"answers"` // all answers by status, "none" if there was none
	// Acknowledged is from when a webhook should have been sent to the answer that accepted it; in FromSend, from when
	// its first request began. They differ if all callers were busy.
	Acknowledged Latency             `json:"acknowledged"`
	FromSend     Latency             `json:"acknowledged_from_send"`
	ByKind       map[string]Latency  `json:"acknowledged_by_kind,omitempty"` // of the kinds, and of "duplicate"
	Refused      Latency             `json:"refused"`                        // of what was answered otherwise, forgeries included
	PerSecond    float64             `json:"acknowledged_per_second"`
	Driver       DriverReport        `json:"driver"`
	Destinations []DestinationReport `json:"destinations,omitempty"`
	Costs        []Cost              `json:"costs,omitempty"`
	Machine      *Machine            `json:"machine,omitempty"`
}

// Offered is what was asked for.
type Offered struct {
	Provider   string  `json:"provider"`
	Rate       float64 `json:"rate,omitempty"` // webhooks/s of an open loop; 0: closed
	Poisson    bool    `json:"poisson,omitempty"`
	Callers    int     `json:"callers"`
	Seconds    float64 `json:"seconds,omitempty"`
	Warmup     float64 `json:"warmup_seconds,omitempty"` // of Seconds; no part of latencies and rates
	Mix        string  `json:"mix"`
	Batch      int     `json:"batch"`
	Duplicates float64 `json:"duplicates,omitempty"`
	Forged     float64 `json:"bad_signatures,omitempty"`
	Retries    int     `json:"retries,omitempty"`
}

// Webhooks counts them. A duplicate counts again, a retry does not.
type Webhooks struct {
	Sent         int `json:"sent"`
	Updates      int `json:"updates"`
	Acknowledged int `json:"acknowledged"`
	Refused      int `json:"refused"`    // answered otherwise in the end; without forgeries
	Unanswered   int `json:"unanswered"` // not answered in the end
	Duplicates   int `json:"duplicates"`
	Forged       int `json:"forged"`
	Believed     int `json:"forged_and_accepted"`
}

// A DriverReport says how well the load was what it should have been.
type DriverReport struct {
	Late    Latency `json:"late"`   // from when a webhook was due until the driver got round to it
	Waited  Latency `json:"waited"` // from then until a caller was free
	Unsent  int     `json:"unsent"` // no caller was free in time; unanswered as well
	Seconds float64 `json:"seconds"`
}

// A DestinationReport says what one destination was told. Latencies are from when a webhook should have been sent until
// the last of its updates came.
type DestinationReport struct {
	Name       string             `json:"name"`
	Expected   int                `json:"expected"` // updates of webhooks that were acknowledged
	Told       int                `json:"told"`     // of these
	Lost       int                `json:"lost"`     // of these
	Unasked    int                `json:"unasked"`  // told, though the webhook was not acknowledged: its answer may be lost
	Repeated   int                `json:"repeated"` // updates that were told again after an answer 2xx
	SeveralIDs int                `json:"several_ids"`
	Strange    int                `json:"strange"` // requests that named none of our updates
	Forged     int                `json:"forged"`
	Latency    Latency            `json:"end_to_end"`
	ByKind     map[string]Latency `json:"end_to_end_by_kind,omitempty"`
	PerSecond  float64            `json:"told_per_second"` // updates
	Drained    float64            `json:"drained_seconds"` // from the last sending until the last update came
}

// A Measurement is a run to be reported on.
type Measurement struct {
	Version string
	Options Options
	Plan    Plan
	Warmup  time.Duration
	Outcome *Outcome
}

// An attempt is all shots of one webhook.
type attempt struct {
	Webhook
	intended     time.Duration // of the first
	acknowledged bool          // any of them
	genuine      bool          // any of them was not forged
}

// attempts are the webhooks that were sent, in the order of their numbers.
func (o *Outcome) attempts() []attempt {
	slices.SortFunc(o.Shots, func(a, b Shot) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Intended, b.Intended)) })
	var out []attempt
	for _, s := range o.Shots {
		if len(out) == 0 || out[len(out)-1].First != s.First {
			out = append(out, attempt{Webhook: s.Webhook, intended: s.Intended})
		}
		a := &out[len(out)-1]
		a.acknowledged = a.acknowledged || s.Acknowledged() && !s.Forged
		a.genuine = a.genuine || !s.Forged
	}
	return out
}

// Await waits until a destination was told all that was acknowledged, or nothing has come for the patience given.
// It reports whether all came.
func (o *Outcome) Await(ctx context.Context, l *Ledger, patience time.Duration) bool {
	var missing []uint32
	for _, a := range o.attempts() {
		for i := range uint32(a.Updates) {
			if a.acknowledged {
				missing = append(missing, a.First+i)
			}
		}
	}
	progress := time.Now()
	for {
		before := len(missing)
		if missing = l.missing(missing); len(missing) < before {
			progress = time.Now()
		}
		if len(missing) == 0 {
			return true
		}
		if time.Since(progress) > patience || !until(ctx, time.Now().Add(100*time.Millisecond)) {
			return false
		}
	}
}

// Report makes the report of a measurement, without costs. Destinations are those that should have been told everything.
func (m Measurement) Report(destinations map[string]*Destination) *Report {
	o := m.Outcome
	plan, _ := m.Plan.withDefaults() // it was carried out
	r := &Report{
		Schema: Schema, Version: m.Version, Began: o.Began.UTC(), Answers: answersOf(o.Answers),
		Offered: Offered{
			Provider: m.Options.Dialect, Rate: plan.Rate, Poisson: plan.Poisson, Callers: plan.Callers, Seconds: plan.Duration.Seconds(),
			Warmup: m.Warmup.Seconds(), Mix: m.Options.Mix.String(), Batch: cmp.Or(m.Options.Batch, 1),
			Duplicates: plan.Duplicates, Forged: plan.Forged, Retries: plan.Retries,
		},
	}
	if m.Options.Mix.sum() == 0 {
		r.Offered.Mix = "status=1"
	}
	m.answers(r)
	attempts := o.attempts()
	for _, name := range slices.Sorted(maps.Keys(destinations)) {
		r.Destinations = append(r.Destinations, m.destination(name, destinations[name], attempts))
	}
	return r
}

// answers fills in what the ingress answered.
func (m Measurement) answers(r *Report) {
	var acknowledged, fromSend, refused, late, waited []time.Duration
	byKind := map[string][]time.Duration{}
	last := m.Outcome.Sent
	for _, s := range m.Outcome.Shots {
		w := &r.Webhooks
		w.Sent++
		if s.Repeat {
			w.Duplicates++
		} else {
			w.Updates += int(s.Updates)
		}
		if s.Attempts == 0 {
			r.Driver.Unsent++
		}
		good := s.Acknowledged() && !s.Forged
		switch {
		case good:
			w.Acknowledged++
		case s.Forged:
			w.Forged++
			if s.Acknowledged() {
				w.Believed++
			}
		case s.Status == 0:
			w.Unanswered++
		default:
			w.Refused++
		}
		if s.Intended < m.Warmup {
			continue
		}
		late, waited = append(late, s.Queued-s.Intended), append(waited, s.Started-s.Queued)
		switch {
		case good:
			acknowledged, fromSend = append(acknowledged, s.Done-s.Intended), append(fromSend, s.Done-s.Started)
			kind := s.Kind.String()
			if s.Repeat {
				kind = "duplicate"
			}
			byKind[kind] = append(byKind[kind], s.Done-s.Intended)
			last = max(last, s.Done)
		case s.Status != 0:
			refused = append(refused, s.Done-s.Intended)
		}
	}
	r.Acknowledged, r.FromSend, r.Refused, r.ByKind = latencyOf(acknowledged), latencyOf(fromSend), latencyOf(refused), latenciesOf(byKind)
	r.PerSecond = perSecond(len(acknowledged), last-m.Warmup)
	r.Driver.Late, r.Driver.Waited, r.Driver.Seconds = latencyOf(late), latencyOf(waited), m.Outcome.Sent.Seconds()
}

// destination compares what a destination was told with what it should have been.
func (m Measurement) destination(name string, d *Destination, attempts []attempt) DestinationReport {
	out := DestinationReport{Name: name, Strange: d.Strange(), Forged: d.Forged()}
	var took []time.Duration
	byKind := map[string][]time.Duration{}
	var last time.Duration
	measured := 0
	for _, a := range attempts {
		var end time.Duration
		told := 0
		for i := range uint32(a.Updates) {
			t := d.Told(a.First + i)
			if t.Answered > 1 {
				out.Repeated++
			}
			if t.SeveralIDs {
				out.SeveralIDs++
			}
			if t.Arrived > 0 {
				told++
				end = max(end, t.First.Sub(m.Outcome.Began))
			}
		}
		if !a.acknowledged {
			out.Unasked += told
			continue
		}
		out.Expected += int(a.Updates)
		out.Told += told
		last = max(last, end)
		if told == int(a.Updates) && a.intended >= m.Warmup {
			measured += told
			took = append(took, end-a.intended)
			byKind[a.Kind.String()] = append(byKind[a.Kind.String()], end-a.intended)
		}
	}
	out.Lost = out.Expected - out.Told
	out.Latency, out.ByKind = latencyOf(took), latenciesOf(byKind)
	out.PerSecond = perSecond(measured, max(last, m.Outcome.Sent)-m.Warmup)
	out.Drained = max(0, last-m.Outcome.Sent).Seconds()
	return out
}

func latenciesOf(took map[string][]time.Duration) map[string]Latency {
	out := make(map[string]Latency, len(took))
	for name, t := range took {
		out[name] = latencyOf(t)
	}
	return out
}

func perSecond(n int, in time.Duration) float64 {
	if in <= 0 {
		return 0
	}
	return float64(n) / in.Seconds()
}
