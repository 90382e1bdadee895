package webhook

// Flow is how well a flow, or the endpoint behind it, works. Rates and latencies are as the provider wrote them.
type Flow struct {
	ID           string      `json:"id"`                     // of the flow
	Event        string      `json:"event"`                  // FLOW_STATUS_CHANGE, ENDPOINT_LATENCY, …
	Message      string      `json:"message,omitempty"`      // Meta's, for people
	OldStatus    string      `json:"old_status,omitempty"`   // the status before
	Status       string      `json:"status,omitempty"`       // DRAFT, PUBLISHED, DEPRECATED, BLOCKED, THROTTLED
	Alert        string      `json:"alert,omitempty"`        // ACTIVATED, or DEACTIVATED when all is well again
	ErrorRate    string      `json:"error_rate,omitempty"`   // as the provider wrote it
	Threshold    string      `json:"threshold,omitempty"`    // what was crossed
	Requests     string      `json:"requests,omitempty"`     // how many were counted
	LatencyP50   string      `json:"latency_p50,omitempty"`  // milliseconds
	LatencyP90   string      `json:"latency_p90,omitempty"`  // milliseconds
	Availability string      `json:"availability,omitempty"` // percent
	Errors       []FlowError `json:"errors,omitempty"`       // the kinds of errors that were counted
}

// FlowError is one kind of error of a flow.
type FlowError struct {
	Type  string `json:"type,omitempty"`  // the provider's name of it
	Rate  string `json:"rate,omitempty"`  // as the provider wrote it
	Count string `json:"count,omitempty"` // how many
}
