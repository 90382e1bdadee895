package webhook

import "time"

// Identity is how a person is known from now on, and was known before.
type Identity struct {
	Contact  Contact `json:"contact"`           // as known now
	Previous Contact `json:"previous,omitzero"` // as known before, as far as it is said
	Reason   string  `json:"reason,omitempty"`  // user_changed_number, user_changed_user_id
	Detail   string  `json:"detail,omitempty"`  // the provider's words
}

// SyncedContact is an entry in the address book of a WhatsApp Business app.
type SyncedContact struct {
	Action    string  `json:"action"`               // add, which is also said of a change, or remove
	Contact   Contact `json:"contact"`              // the person
	Name      string  `json:"name,omitempty"`       // the whole name
	FirstName string  `json:"first_name,omitempty"` // the first name
	Username  string  `json:"username,omitempty"`   // for display: people change it
}

// Handover is who handles a conversation. Roles are the provider's words: they do not tell which of the apps is yours.
type Handover struct {
	Contact         Contact `json:"contact,omitzero"`            // whom the business talks with
	Event           string  `json:"event"`                       // the provider's word for what happened: control_passed
	Role            string  `json:"role,omitempty"`              // new_owner_role: ai_agent, escalation, …
	PreviousRole    string  `json:"previous_role,omitempty"`     // previous_owner_role, likewise
	PreviousApp     string  `json:"previous_app,omitempty"`      // previous_owner_app_id: id of the app that handled it
	PreviousAppRole string  `json:"previous_app_role,omitempty"` // previous_owner_app_role: meta_business_agent, …
	Metadata        string  `json:"metadata,omitempty"`          // what the one gave to the other
	Raw             Body    `json:"raw"`                         // the whole value as it came, JSON: it may hold a summary of the conversation
	// Omitted says that raw was left out because the webhook was too large for all of its events to be told in full; whoever
	// runs Holdfast can look it up in the webhook itself.
	Omitted bool `json:"omitted,omitempty"`
}

// Omit leaves out a value of more than so many bytes, and reports whether it was.
func (h *Handover) Omit(over int) bool {
	if len(h.Raw) <= over {
		return false
	}
	h.Raw, h.Omitted = nil, true
	return true
}

// Call is what became of a call.
type Call struct {
	ID        string         `json:"call"`                // its id: wacid.…
	Contact   Contact        `json:"contact,omitzero"`    // who calls, or is called
	Direction string         `json:"direction,omitempty"` // BUSINESS_INITIATED, USER_INITIATED
	Status    string         `json:"status,omitempty"`    // of one that ended: COMPLETED, FAILED
	Start     time.Time      `json:"start,omitzero"`      // when it began
	End       time.Time      `json:"end,omitzero"`        // when it ended
	Seconds   string         `json:"seconds,omitempty"`   // how long it lasted
	Callback  string         `json:"callback,omitempty"`  // biz_opaque_callback_data: what the caller had put there
	SDPType   string         `json:"sdp_type,omitempty"`  // offer, answer
	SDP       string         `json:"sdp,omitempty"`       // session description (RFC 8866)
	Errors    []MessageError `json:"errors,omitempty"`    // why it failed
}

// Group is what happened to a group.
type Group struct {
	ID          string         `json:"group,omitempty"`        // its id; left out if it was not created
	Type        string         `json:"type"`                   // what happened, or was asked for: group_create, group_participants_remove, …
	Request     string         `json:"request,omitempty"`      // request_id of what had been asked for
	Subject     string         `json:"subject,omitempty"`      // the group's name
	Description string         `json:"description,omitempty"`  // what the group is about
	By          string         `json:"by,omitempty"`           // initiated_by: business, participant
	Reason      string         `json:"reason,omitempty"`       // the provider's word for why
	People      []Contact      `json:"people,omitempty"`       // who joined, left, or asks to join; with whom it was not done
	Invite      string         `json:"invite,omitempty"`       // invite_link: who follows it joins, or asks to
	JoinMode    string         `json:"join_mode,omitempty"`    // join_approval_mode: auto_approve, or approval_required: somebody has to let people in
	JoinAsked   string         `json:"join_request,omitempty"` // join_request_id: what to approve or reject
	Errors      []MessageError `json:"errors,omitempty"`       // why it was not done
	Raw         Body           `json:"raw"`                    // the whole element as it came, JSON
	// Omitted says that raw was left out because the webhook was too large for all of its events to be told in full; whoever
	// runs Holdfast can look it up in the webhook itself.
	Omitted bool `json:"omitted,omitempty"`
}

// Omit leaves out an element of more than so many bytes, and reports whether it was.
func (g *Group) Omit(over int) bool {
	if len(g.Raw) <= over {
		return false
	}
	g.Raw, g.Omitted = nil, true
	return true
}

// History is a part of the chats that a number had before it came to the platform. One may hold thousands of messages.
type History struct {
	Phase    string         `json:"phase,omitempty"`    // 0: the last day; 1: before that, to 90 days ago; 2: before that, to 180 days ago
	Chunk    string         `json:"chunk,omitempty"`    // chunk_order within the phase; they come in any order
	Progress string         `json:"progress,omitempty"` // percent of everything
	Threads  int            `json:"threads"`            // chats in it
	Messages int            `json:"messages"`           // messages in it
	Errors   []MessageError `json:"errors,omitempty"`   // why there is none
	Raw      Body           `json:"raw"`                // the whole chunk as it came, JSON
	Omitted  bool           `json:"omitted,omitempty"`  // raw was left out because it is too large to be told; whoever runs Holdfast can look it up in the webhook itself
}

// Omit leaves out a chunk of more than so many bytes, and reports whether it was.
func (h *History) Omit(over int) bool {
	if len(h.Raw) <= over {
		return false
	}
	h.Raw, h.Omitted = nil, true
	return true
}

// Conversion is what an advertisement or a marketing message led to.
type Conversion struct {
	Name     string `json:"name"`               // event_name: LeadSubmitted, Purchase, …
	Message  string `json:"message,omitempty"`  // id of the message that it was found in
	Click    string `json:"click,omitempty"`    // ctwa_clid, or click_id
	Token    string `json:"token,omitempty"`    // tracking_token
	Currency string `json:"currency,omitempty"` // ISO 4217
	Value    string `json:"value,omitempty"`    // in thousandths of the currency: 25000 is 25 dollars
}
