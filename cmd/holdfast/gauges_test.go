package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/workflows"
)

// metric reads a metric as Prometheus does; ok is false if there is none.
func (h *running) metric(t *testing.T, name string) (value float64, ok bool) {
	t.Helper()
	_, text := get(t, h.metrics+"/metrics")
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	value, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return value, true
}

// What is parked and what is owed is told by every worker, also by one that has just started; `holdfast owed` lists it.
func TestGauges(t *testing.T) {
	r := newRig(t)
	r.horizon = time.Second
	crm, other := newListener(t), newListener(t)
	crm.answers(status(http.StatusServiceUnavailable))
	destinations := map[string]*listener{"crm": crm, "other": other}
	h := r.start(r.config(destinations), both)
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "it is parked", func() bool { return r.stage(body) == workflows.StageParked })
	h.stop()

	h = r.start(r.config(destinations), both)
	is := func(name string, good func(float64) bool) func() bool {
		return func() bool {
			value, ok := h.metric(t, name)
			return ok && good(value)
		}
	}
	zero := func(v float64) bool { return v == 0 }
	one := func(v float64) bool { return v == 1 }
	some := func(v float64) bool { return v > 0 }
	for name, good := range map[string]func(float64) bool{
		"holdfast_parked_workflows":                         some, // also those of other tests
		`holdfast_owed_notifications{destination="crm"}`:    one,
		`holdfast_owed_notifications{destination="other"}`:  zero,
		`holdfast_owed_oldest_seconds{destination="crm"}`:   some,
		`holdfast_owed_oldest_seconds{destination="other"}`: zero,
		`holdfast_poll_failures_total{of="owed"}`:           zero,
		`holdfast_poll_failures_total{of="parked"}`:         zero,
	} {
		eventually(t, name, is(name, good))
	}
	if said := r.run(t, "owed"); !regexp.MustCompile(`(?m)^crm +`+regexp.QuoteMeta(r.workflow(body))+` +1 +20`).MatchString(said) || strings.Contains(said, "other") {
		t.Errorf("owed:\n%s", said)
	}

	crm.answers(nil)
	parked, _ := h.metric(t, "holdfast_parked_workflows")
	if err := r.temporal.SignalWorkflow(t.Context(), r.workflow(body), "", workflows.Reprocess, workflows.Command{Park: r.state(body).Park, Actor: "ada"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	eventually(t, "the gauges fall", func() bool {
		h.gauges.poll(t.Context())
		return is(`holdfast_owed_notifications{destination="crm"}`, zero)() &&
			is("holdfast_parked_workflows", func(v float64) bool { return v < parked })()
	})
	if said := r.run(t, "owed"); said != "nothing is owed\n" {
		t.Errorf("owed:\n%s", said)
	}
}

// run runs a command with the configuration of the rig and returns what it printed.
func (r *rig) run(t *testing.T, command string, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	args = append([]string{command, "--config", r.file(t, r.yaml(nil))}, args...)
	if code := run(t.Context(), args, nil, &out, &errOut); code != 0 {
		t.Fatalf("%v ended with %d: %s", args, code, &errOut)
	}
	return out.String()
}

// Where nobody answers, the last value stands and the failure is counted.
func TestGaugesWithoutAnAnswer(t *testing.T) {
	r := newRig(t)
	h := r.start(r.config(nil), both)
	eventually(t, "the first poll", func() bool {
		_, ok := h.metric(t, "holdfast_parked_workflows")
		return ok
	})
	lonely, err := build(h.config, temporalFlags{address: nobody, isolated: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer lonely.temporal.Close()
	lonely.store.Store(h.store.Load())
	if lonely.gauges, err = newGauges(lonely); err != nil {
		t.Fatal(err)
	}
	if err := h.store.Load().Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	lonely.gauges.poll(ctx)
	cancel()
	lonely.gauges.poll(ctx) // the end is no failure
	families, err := lonely.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	failures := 0.0
	for _, f := range families {
		switch f.GetName() {
		case "holdfast_poll_failures_total":
			for _, m := range f.GetMetric() {
				failures += m.GetCounter().GetValue()
			}
		case "holdfast_parked_workflows", "holdfast_owed_notifications", "holdfast_log_volumes":
			t.Errorf("%s is told, and nobody knows it", f.GetName())
		}
	}
	if failures != 3 {
		t.Errorf("%v failures, want one of each", failures)
	}
	h.gauges.poll(t.Context())
	if _, ok := h.metric(t, "holdfast_parked_workflows"); !ok {
		t.Error("the last value is gone")
	}
	if v, _ := h.metric(t, `holdfast_poll_failures_total{of="owed"}`); v != 1 {
		t.Errorf("%v failures, want 1", v)
	}
}
