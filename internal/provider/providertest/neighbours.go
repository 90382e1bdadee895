package providertest

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/internal/provider"
	"holdfast/internal/webhook"
)

// Neighbours puts a thousand items into one webhook, three of which are malformed in different ways, and wants 997 events of
// a type, each as if its item had come alone, and three unrecognized ones with the reason and the item. Wrap makes a webhook
// of a list of items, item the i-th of them.
func Neighbours(t *testing.T, p provider.Provider, want webhook.Type, wrap func(items string) []byte, item func(i int) string) {
	t.Helper()
	bad := map[int]struct{ item, reason string }{
		13:  {`"an item"`, "not an object"},
		500: {strings.Replace(item(500), "{", `{"twice":{"a":1,"a":2},`, 1), "repeated member name"},
		999: {strings.Replace(item(999), "{", "{\"new\":\"\xff\",", 1), "invalid UTF-8"},
	}
	var items []string
	for i := range 1000 {
		if b, ok := bad[i]; ok {
			items = append(items, b.item)
			continue
		}
		items = append(items, item(i))
	}
	body := wrap(strings.Join(items, ","))
	events := p.Normalize(body, received)
	Check(t, body, events)
	if len(events) != len(items) {
		t.Fatalf("%d events of %d items", len(events), len(items))
	}
	keys := map[string]bool{}
	for i, e := range events {
		if b, ok := bad[i]; ok {
			raw, ok := e.Data.(*webhook.Raw)
			if !ok || raw.Reason != b.reason || !strings.Contains(string(raw.Value), b.item) {
				t.Errorf("item %d: %s %+v, want it unrecognized: %s", i, e.Type, e.Data, b.reason)
			}
			continue
		}
		if e.Type != want || e.Key == "" || keys[e.Key] {
			t.Errorf("item %d: %s with key %s, want %s with one of its own", i, e.Type, e.Key, want)
		}
		keys[e.Key] = true
	}
	for _, i := range []int{0, 12, 14, 501, 998} {
		t.Run(fmt.Sprint(i), func(t *testing.T) { alike(t, p, wrap(items[i]), events[i:i+1]) })
	}
}
