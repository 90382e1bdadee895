package activities

import "holdfast/internal/webhook"

// preference records what a person wants under every name the person is known by, so that whoever asks later finds it by
// either. It is kept per business number: whether a stop covers the whole account is not stated by Meta.
func preference(e webhook.Event, p *webhook.Preference) []webhook.Change {
	phone := e.Phone.ID
	if phone == "" {
		phone = e.Phone.Number
	}
	type consent struct {
		Status string `json:"status"` // stopped, resumed
		Basis  string `json:"basis"`
	}
	value, safety := consent{"stopped", p.Basis}, 1
	if e.Type == webhook.ContactMarketingResumed {
		value, safety = consent{"resumed", p.Basis}, 0
	}
	var out []webhook.Change
	for _, user := range []string{p.Contact.UserID, p.Contact.WaID} {
		if user != "" {
			out = append(out, fact(e, webhook.ContactEntity(phone, user), "marketing", safety, value))
		}
	}
	return out
}
