package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"holdfast/console"
	"holdfast/internal/config"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// parkedPatience is how long workflows are asked for details before they are shown without.
const parkedPatience = 5 * time.Second

// console is what this worker shows to operators' programs.
func (h *house) console() http.Handler {
	return console.New(console.Options{
		Book: func() console.Book {
			if store := h.store.Load(); store != nil {
				return store
			}
			return nil // and no interface that holds nil
		},
		Configured: func() map[string]console.Configured {
			h.reloading.Lock()
			defer h.reloading.Unlock()
			return inWords(h.current.Destinations)
		},
		Parked: func(ctx context.Context, limit int) (any, error) {
			return listParked(ctx, h, workflows.Filter{Stages: []string{workflows.StageParked}}, limit, parkedPatience)
		},
		OrphanAge: h.orphanAge,
		Logger:    h.log,
	})
}

// inWords is what the configuration says of destinations, for those who look.
func inWords(destinations map[string]config.Destination) map[string]console.Configured {
	all := make(map[string]console.Configured, len(destinations))
	for name, d := range destinations {
		all[name] = console.Configured{
			Type: d.String(), ToldOf: toldOf(d),
			Policy: webhook.Policy{Own: d.Own(), Ordered: d.Ordered, Rate: float64(d.Rate), Parallel: d.Parallel},
		}
	}
	return all
}

// toldOf says in words of which events a destination is told.
func toldOf(d config.Destination) string {
	var words []string
	if len(d.Events) > 0 {
		words = append(words, strings.Join(d.Events, ", "))
	}
	for _, limit := range []struct {
		what   string
		values []string
	}{{"sources", d.Sources}, {"accounts", d.Accounts}, {"phones", d.Phones}, {"severities", d.Severities}} {
		switch n := len(limit.values); {
		case n > 3: // lists of numbers may be long
			words = append(words, fmt.Sprintf("of %d %s", n, limit.what))
		case n > 0:
			words = append(words, "of "+limit.what+" "+strings.Join(limit.values, ", "))
		}
	}
	for _, label := range slices.Sorted(maps.Keys(d.Labels)) {
		words = append(words, "labelled "+label+"="+d.Labels[label])
	}
	if d.When != "" {
		words = append(words, "when "+strings.Join(strings.Fields(d.When), " "))
	}
	if d.Default {
		words = append(words, "and what nobody asks for")
	}
	return strings.TrimPrefix(strings.Join(words, " "), "and ")
}
