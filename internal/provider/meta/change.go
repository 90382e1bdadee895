package meta

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"holdfast/internal/optout"
	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// A Change is one thing that Meta reports: a field and its value, with what the envelope says of them. A provider that
// relays Meta's values in an envelope of its own fills it and asks for [Change.Events].
type Change struct {
	Field    string        // see [webhook.ValidField]
	Account  string        // entry.id or what stands for it; empty or a [webhook.ValidID]
	Entry    bool          // Account is the id of an entry, which at Meta may be a business portfolio's
	Phone    webhook.Phone // the business number, if the value does not say
	Time     time.Time     // zero if the envelope has none
	Test     bool          // made by a dashboard
	Value    lenient.Value
	Element  lenient.Value // what is passed on if it is not understood: the change as it came
	Received time.Time     // decides whether a restriction is still in force
	Words    optout.Words
}

// Why something is unrecognized. A closed set: never anything of the body.
const (
	notJSON        = "not JSON"
	tooMany        = "too many elements"
	unknownObject  = "unknown object"
	noEntries      = "no entries"
	noChanges      = "no changes"
	noItems        = "no items"
	malformedField = "malformed field name"
	unknownField   = "unknown field"
	unknownEvent   = "unknown event"
	incomplete     = "members missing or malformed"
	badAccount     = "malformed account id"
	noAccount      = "no account id"
	badPhone       = "malformed phone number id"
	noPhone        = "no phone number"
	noUser         = "no user"
	badUser        = "malformed user id"
	badTemplate    = "malformed template id"
)

// A reader makes the event of a change whose value is sound. The reason is empty unless the change is not understood.
// What it leaves out of the event (account, time, field, key) [Change.Events] adds.
type reader func(c Change, value lenient.Object) (e webhook.Event, reason string)

// read finds the reader of a field. user_preferences and most of what is about messages are not here: their values have
// many events.
func read(field string) reader {
	switch field {
	case "account_update":
		return accountUpdate
	case "account_review_update":
		return accountReview
	case "account_alerts":
		return accountAlert
	case "business_capability_update":
		return capability
	case "account_settings_update":
		return phoneSettings
	case "phone_number_quality_update":
		return phoneQuality
	case "phone_number_name_update":
		return phoneName
	case "security":
		return phoneSecurity
	case "business_username_update", "business_username_updates":
		return phoneUsername
	case "message_template_status_update", "message_template_quality_update":
		return template(templateStatus)
	case "message_template_components_update":
		return template(templateComponents)
	case "template_category_update":
		return template(templateCategory)
	case "template_correct_category_detection":
		return template(templateMismatch)
	case "flows":
		return flow
	case "payment_configuration_update":
		return payment
	case solutionsField:
		return solution
	case "messaging_handovers":
		return handover
	}
	return nil
}

// Events returns what the change says: one event, or some for each item of user_preferences and of what is about
// messages. A change that is not understood is one [webhook.Unrecognized] event, complete.
func (c Change) Events() []webhook.Event {
	reading := read(c.Field)
	switch {
	case c.Field == preferencesField:
		return c.preferences()
	case reading == nil && Traffic(c.Field):
		return c.traffic()
	case reading == nil:
		return []webhook.Event{c.Unrecognized(unknownField)}
	}
	if reason := lenient.Flaw(c.Value); reason != "" {
		return []webhook.Event{c.Unrecognized(reason)}
	}
	value, reason := c.Value.Object()
	if reason != "" {
		return []webhook.Event{c.Unrecognized(reason)}
	}
	e, reason := reading(c, value)
	if e.Account == "" && !ofPortfolio(e) {
		e.Account = c.account()
	}
	switch {
	case reason != "":
	case e.Account == "" && !ofPortfolio(e):
		reason = noAccount
	case e.Account != "" && !webhook.ValidID(e.Account):
		reason = badAccount
	case e.Phone.ID != "" && !webhook.ValidID(e.Phone.ID):
		reason = badPhone
	case e.Type.Family() == "phone" && e.Phone == webhook.Phone{}:
		reason = noPhone
	}
	if reason != "" {
		u := c.Unrecognized(reason)
		if webhook.ValidID(e.Account) {
			u.Account = e.Account // which the value names, where the entry may be of a portfolio
		}
		return []webhook.Event{u}
	}
	if e.Time.IsZero() {
		e.Time = c.Time
	}
	if c.Time.IsZero() {
		c.Time = e.Time // for the key: some fields have their time in the value
	}
	e.Field, e.Test, e.Key = c.Field, c.Test, c.key()
	return []webhook.Event{e}
}

// Unrecognized is the event of a change that is not understood, for one of the reasons of a closed set.
func (c Change) Unrecognized(reason string) webhook.Event {
	e := webhook.Event{Field: c.Field, Account: c.account(), Phone: c.Phone, Time: c.Time, Test: c.Test, Key: c.key()}
	return e.Unrecognized(reason, c.Element)
}

// account is what the change is about unless its value says otherwise. What is said of partner solutions is said of a
// business portfolio.
func (c Change) account() string {
	if c.Field == solutionsField {
		return ""
	}
	return c.Account
}

// ofPortfolio reports whether an event is of a business portfolio and names no account.
func ofPortfolio(e webhook.Event) bool {
	switch data := e.Data.(type) {
	case *webhook.Solution:
		return true
	case *webhook.Partner:
		return data.Business != ""
	}
	return false
}

// key tells a change from every other of its account but not from its own redelivery: Meta sends no id. A state that is
// announced again later is another event, so the time is part of it. Without account or time there is no key.
func (c Change) key() string {
	if c.Account == "" || c.Time.IsZero() {
		return ""
	}
	said := c.Value
	if len(said) == 0 {
		said = c.Element
	}
	return webhook.Key(c.Field, c.Account, strconv.FormatInt(c.Time.UnixMilli(), 10), hash(lenient.Canonical(said)))
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
