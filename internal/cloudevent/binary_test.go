package cloudevent

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/webhook"
)

// TestBinarySaysTheSame compares binary with structured mode: both say the same of an event.
func TestBinarySaysTheSame(t *testing.T) {
	marked := Of(banned())
	marked.Late, marked.Test, marked.OutOfOrder, marked.TimeAssumed, marked.ZoneAssumed = true, true, true, true, true
	for name, e := range map[string]Envelope{
		"banned": Of(banned()),
		"marked": marked,
		"bare":   Of(webhook.Event{ID: "1", Type: webhook.PhoneAdded, Source: "nx-asia", Data: &webhook.None{}}),
	} {
		t.Run(name, func(t *testing.T) {
			structured, err := e.JSON()
			if err != nil {
				t.Fatal(err)
			}
			var want map[string]any
			if err := json.Unmarshal(structured, &want); err != nil {
				t.Fatal(err)
			}
			body, err := e.DataJSON()
			if err != nil {
				t.Fatal(err)
			}
			var data any
			if err := json.Unmarshal(body, &data); err != nil {
				t.Fatal(err)
			}
			got := map[string]any{"datacontenttype": e.DataContentType, "data": data}
			for _, a := range e.Attributes() {
				if set, err := strconv.ParseBool(a.Value); err == nil && a.Name != "id" {
					got[a.Name] = set
				} else {
					got[a.Name] = a.Value
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
