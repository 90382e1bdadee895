package webhook

// Flow is how a flow, or the endpoint behind it, does. Rates and latencies are as the provider wrote them.
type Flow struct {
	ID           string      `json:"id"`
	Event        string      `json:"event"`             // FLOW_STATUS_CHANGE, ENDPOINT_LATENCY, …
	Message      string      `json:"message,omitempty"` // Meta's, for people
	OldStatus    string      `json:"old_status,omitempty"`
	Status       string      `json:"status,omitempty"` // DRAFT, PUBLISHED, DEPRECATED, BLOCKED, THROTTLED
	Alert        string      `json:"alert,omitempty"`  // ACTIVATED, DEACTIVATED
	ErrorRate    string      `json:"error_rate,omitempty"`
	Threshold    string      `json:"threshold,omitempty"`
	Requests     string      `json:"requests,omitempty"`
	LatencyP50   string      `json:"latency_p50,omitempty"` // milliseconds
	LatencyP90   string      `json:"latency_p90,omitempty"`
	Availability string      `json:"availability,omitempty"` // percent
	Errors       []FlowError `json:"errors,omitempty"`
}

// FlowError is one kind of error of a flow.
type FlowError struct {
	Type  string `json:"type,omitempty"`
	Rate  string `json:"rate,omitempty"`
	Count string `json:"count,omitempty"`
}
