package meta

import (
	"cmp"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// readAutomatic reads an element of automatic_events (Meta: automatic_events webhook reference).
func readAutomatic(t *traffic, e webhook.Event, item lenient.Object, _ lenient.Value) string {
	price := item.Object("custom_data")
	c := &webhook.Conversion{
		Name:     item.Get("event_name").Text(),
		Message:  item.Get("id").Text(),
		Click:    item.Get("ctwa_clid").Text(),
		Currency: price.Get("currency").Text(),
		Value:    price.Get("value").Text(),
	}
	switch e.Data = c; c.Name {
	case "LeadSubmitted":
		e.Type = webhook.ConversionLead
	case "Purchase":
		e.Type = webhook.ConversionPurchase
	default:
		return unknownEvent
	}
	t.events = append(t.events, e)
	return ""
}

// readTracking reads an element of the events of tracking_events, which is in no reference: client libraries know it.
func readTracking(t *traffic, e webhook.Event, item lenient.Object, _ lenient.Value) string {
	o := item.Object("tracking_data")
	c := &webhook.Conversion{
		Name:  item.Get("event_name").Text(),
		Click: cmp.Or(o.Get("click_id").Text(), item.Get("click_id").Text()),
		Token: cmp.Or(o.Get("tracking_token").Text(), item.Get("tracking_token").Text()),
	}
	if c.Name == "" {
		return incomplete
	}
	e.Type, e.Data = webhook.ConversionTracked, c
	t.events = append(t.events, e)
	return ""
}
