package webhook

import "time"

// A Template is what names a message template.
type Template struct {
	ID       string `json:"id,omitempty"`       // of the template
	Name     string `json:"name,omitempty"`     // which the template has in all languages
	Language string `json:"language,omitempty"` // en_US, however the provider spells it
}

// TemplateStatus is what became of a template.
type TemplateStatus struct {
	Template
	Status         string    `json:"status"`                   // event: APPROVED, PAUSED, …
	Category       string    `json:"category,omitempty"`       // MARKETING, UTILITY, AUTHENTICATION
	Reason         string    `json:"reason,omitempty"`         // INVALID_FORMAT, PROMOTIONAL, …; left out if there is none
	Title          string    `json:"title,omitempty"`          // other_info: FIRST_PAUSE, SECOND_PAUSE, RATE_LIMITING_PAUSE, UNPAUSE, DISABLED
	Description    string    `json:"description,omitempty"`    // other_info, or rejection_info.reason
	Recommendation string    `json:"recommendation,omitempty"` // rejection_info: what to change
	DisableDate    time.Time `json:"disable_date,omitzero"`    // disable_info: when it is disabled
}

// TemplateQuality is how people like a template.
type TemplateQuality struct {
	Template
	Score    string `json:"score"`              // GREEN, YELLOW, RED, UNKNOWN
	Previous string `json:"previous,omitempty"` // the score before
}

// TemplateCategory is the category of a template, on which its price depends.
type TemplateCategory struct {
	Template
	Category string    `json:"category,omitempty"` // as it is
	Correct  string    `json:"correct,omitempty"`  // as it will be, or should be
	Previous string    `json:"previous,omitempty"` // as it was
	At       time.Time `json:"at,omitzero"`        // when it will change
}

// TemplateComponents is what a template says.
type TemplateComponents struct {
	Template
	Title   string           `json:"title,omitempty"`   // the header, if it is a text
	Body    string           `json:"body,omitempty"`    // the text
	Footer  string           `json:"footer,omitempty"`  // the small text below
	Buttons []TemplateButton `json:"buttons,omitempty"` // the buttons, in order
}

// TemplateButton is a button of a template.
type TemplateButton struct {
	Type  string `json:"type,omitempty"`  // URL, PHONE_NUMBER, QUICK_REPLY, …
	Text  string `json:"text,omitempty"`  // what is on it
	URL   string `json:"url,omitempty"`   // what it opens
	Phone string `json:"phone,omitempty"` // the number that it calls
}
