package webhook

import "time"

// MessageStatus is what became of a message that was sent. Providers tell statuses in no order, and not all of them: they
// climb sent < delivered < read < played, and failed is the end of a message that was at most sent.
type MessageStatus struct {
	Message string `json:"message"` // id, as whoever sent it was given it: wamid.…, or the sender's own
	// Wamid is Meta's id of the message, if message is the sender's own and the provider tells both.
	Wamid     string  `json:"wamid,omitempty"`
	Recipient Contact `json:"recipient,omitzero"` // who was written to; left out if the provider does not say
	Group     string  `json:"group,omitempty"`    // id of the group that was written to; recipient is one of its members then
	// IdentityHash is identity_key_hash of the recipient, if the number checks identities: another one is another device, or
	// another person.
	IdentityHash string         `json:"identity_hash,omitempty"`
	Callback     string         `json:"callback,omitempty"`     // biz_opaque_callback_data: what the sender had put there
	Conversation *Conversation  `json:"conversation,omitempty"` // what it was counted in, before Meta charged for messages
	Pricing      *Pricing       `json:"pricing,omitempty"`      // how Meta charges for it
	Costs        []Cost         `json:"costs,omitempty"`        // what the reseller charges
	Errors       []MessageError `json:"errors,omitempty"`       // why it failed
}

// Cost is what a reseller charges for a message. Prices are as it wrote them.
type Cost struct {
	Currency     string `json:"currency,omitempty"`      // ISO 4217
	Price        string `json:"price,omitempty"`         // in that currency
	ForeignPrice string `json:"foreign_price,omitempty"` // in another currency
	Type         string `json:"type,omitempty"`          // cdr_type: what it charges for
	Direction    string `json:"direction,omitempty"`     // as the reseller writes it
}

// Conversation is what a message was counted in, before Meta charged for messages.
type Conversation struct {
	ID      string    `json:"id,omitempty"`     // of the conversation
	Origin  string    `json:"origin,omitempty"` // marketing, utility, service, referral_conversion, …
	Expires time.Time `json:"expires,omitzero"` // when it ends
}

// Pricing is how a message is charged. It comes with sent and with one of delivered and read.
type Pricing struct {
	Billable *bool  `json:"billable,omitempty"` // whether Meta charges for it; left out if the provider does not say
	Model    string `json:"model,omitempty"`    // PMP, per message; before July 2025 CBP, per conversation
	Type     string `json:"type,omitempty"`     // regular, free_customer_service, free_entry_point, …
	Category string `json:"category,omitempty"` // marketing, utility, authentication, service, …
}

// MessageError is why a message failed, or cannot be shown.
type MessageError struct {
	Code    string `json:"code"`              // a number of Meta's, such as 131050; go by it: the texts change
	Title   string `json:"title,omitempty"`   // the provider's words
	Details string `json:"details,omitempty"` // the provider's words, at length
	Advice  Advice `json:"advice,omitempty"`  // what the code asks of a sender; left out if that is nothing, or the code is not in the table of error codes
}

// Message is a message that somebody sent to a business number, or that the business sent by other means.
type Message struct {
	ID       string  `json:"message"`            // its id: wamid.…
	From     Contact `json:"from,omitzero"`      // who wrote to the business; left out of what the business wrote, and if the provider does not say
	To       Contact `json:"to,omitzero"`        // to whom the business wrote; left out of what was written to it
	Original string  `json:"original,omitempty"` // id of the message that is edited or revoked
	Name     string  `json:"name,omitempty"`     // what the person calls itself; anybody can take any
	Username string  `json:"username,omitempty"` // for display: people change it
	// IdentityHash is identity_key_hash of who wrote, if the number checks identities: another one is another device, or
	// another person.
	IdentityHash string `json:"identity_hash,omitempty"`
	Group        string `json:"group,omitempty"` // id of the group that it was sent to
	Type         string `json:"type"`            // text, image, button, interactive, edit, …: the set is open
	// Text is what was written: the text, a caption, the label of what was pressed, an emoji (none: the reaction was taken
	// back), the name of a place, the names of contacts. Of an edited message it is the new one.
	Text string `json:"text,omitempty"`
	// Payload is what the business had put behind what was pressed: a payload, or the id of a reply or a product. Of a flow it
	// is what was filled in, JSON; of a request to call, accept or reject.
	Payload  string         `json:"payload,omitempty"`
	Context  *Context       `json:"context,omitempty"`  // the message or the product that it answers, if any
	Referral *Referral      `json:"referral,omitempty"` // the advertisement that the person came from, if any
	Errors   []MessageError `json:"errors,omitempty"`   // why it cannot be shown, if its type is unsupported
	Raw      Body           `json:"raw"`                // the whole element as it came, JSON: media, locations, orders and what else there is
	// Omitted says that raw, and text and payload if they are long, were left out because the webhook was too large for all of
	// its events to be told in full; whoever runs Holdfast can look them up in the webhook itself.
	Omitted bool `json:"omitted,omitempty"`
}

// Context is what a message answers: another message, or a product.
type Context struct {
	Message string `json:"message,omitempty"` // id of what is answered or reacted to; left out of what was only forwarded
	From    string `json:"from,omitempty"`    // digits of who had sent that
	Product string `json:"product,omitempty"` // product_retailer_id of a product that is asked about
}

// Referral is the advertisement that somebody came from.
type Referral struct {
	Type     string `json:"type,omitempty"`     // ad, post
	ID       string `json:"id,omitempty"`       // of the advertisement or post
	URL      string `json:"url,omitempty"`      // of the advertisement or post
	Headline string `json:"headline,omitempty"` // of the advertisement or post
	Click    string `json:"click,omitempty"`    // ctwa_clid: id of the click
}

// Omit leaves out what takes more than so many bytes, and reports whether anything did.
func (m *Message) Omit(over int) bool {
	if len(m.Raw) <= over && len(m.Text) <= over && len(m.Payload) <= over {
		return false
	}
	if m.Omitted = true; len(m.Raw) > over {
		m.Raw = nil
	}
	if len(m.Text) > over {
		m.Text = ""
	}
	if len(m.Payload) > over {
		m.Payload = ""
	}
	return true
}
