package meta

import (
	"cmp"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// flow reads flows (Meta: Flows webhooks). A version that expires is announced by a warning in place of a message.
func flow(_ Change, value lenient.Object) (webhook.Event, string) {
	data := &webhook.Flow{
		ID:           value.Get("flow_id").Text(),
		Event:        value.Get("event").Text(),
		Message:      cmp.Or(value.Get("message").Text(), value.Get("warning").Text()),
		OldStatus:    value.Get("old_status").Text(),
		Status:       value.Get("new_status").Text(),
		Alert:        value.Get("alert_state").Text(),
		ErrorRate:    value.Get("error_rate").Text(),
		Threshold:    value.Get("threshold").Text(),
		Requests:     value.Get("requests_count").Text(),
		LatencyP50:   value.Get("p50_latency").Text(),
		LatencyP90:   value.Get("p90_latency").Text(),
		Availability: value.Get("availability").Text(),
	}
	e := webhook.Event{Type: flowType(data.Event), Data: data}
	switch {
	case e.Type == "":
		return e, unknownEvent
	case data.ID == "":
		return e, incomplete
	}
	for _, element := range value.Get("errors").OneOrMany() {
		kind, reason := element.Object()
		if reason != "" {
			return e, incomplete
		}
		data.Errors = append(data.Errors, webhook.FlowError{
			Type:  kind.Get("error_type").Text(),
			Rate:  kind.Get("error_rate").Text(),
			Count: kind.Get("error_count").Text(),
		})
	}
	return e, ""
}

func flowType(event string) webhook.Type {
	switch event {
	case "FLOW_STATUS_CHANGE":
		return webhook.FlowStatusChanged
	case "CLIENT_ERROR_RATE", "ENDPOINT_ERROR_RATE":
		return webhook.FlowErrorRate
	case "ENDPOINT_LATENCY":
		return webhook.FlowLatency
	case "ENDPOINT_AVAILABILITY":
		return webhook.FlowAvailability
	case "FLOW_VERSION_EXPIRY_WARNING":
		return webhook.FlowVersionExpiring
	}
	return ""
}
