package webhook

import (
	"strings"
	"time"
)

// A Change is one fact that an event makes true: the value of one aspect of one entity, as of a time.
//
// What is known never goes backwards: a change takes effect if its Time is later than that of what is known, or the same
// with a higher Safety. So "banned" wins over "reinstated", and "stop" over "resume", where a provider gives both the
// same second.
type Change struct {
	Entity string    // see [AccountEntity], [PhoneEntity], [TemplateEntity], [ContactEntity]
	Aspect string    // status, restriction, review, limit, name, category, marketing, …
	Value  string    // JSON
	Time   time.Time // of the event
	Safety int       // 0 and up
}

// AccountEntity names an account.
func AccountEntity(account string) string { return "account/" + account }

// PhoneEntity names a business number of an account. Account-level webhooks know a number by its digits only, and one
// number may belong to several accounts, so the account is part of the name.
func PhoneEntity(account, number string) string { return "phone/" + account + "/" + number }

// TemplateEntity names a message template of an account: by its id or, where the provider sends none, by its name and
// language. It is empty if there is no account, or if nothing of the template can be part of a name.
func TemplateEntity(account string, t Template) string {
	id := t.ID
	if id == "" && t.Name != "" {
		id = t.Name + ":" + t.Language
	}
	if account == "" || !validName(id, 600) { // a name has up to 512 letters
		return ""
	}
	return TemplatesOf(account) + "/" + id
}

// TemplatesOf is what the names of all templates of an account begin with, but for a slash.
func TemplatesOf(account string) string { return "template/" + account }

// ContactEntity names a person as seen from a business number: phone is the number's id or its digits, user a
// business-scoped user id or digits. There is a name for each that the provider sends, and most send the digits always: by
// them everything is found.
func ContactEntity(phone, user string) string {
	return "contact/" + phone + "/" + strings.TrimPrefix(user, "+")
}

// An Outcome says what became of an event when it was recorded.
type Outcome string

// The outcomes. Those who ask for an event are told of Fresh, Late and Test ones.
const (
	Fresh     Outcome = "fresh"     // new, and it changed what is known or only informs
	Late      Outcome = "late"      // new, but something later is known already: told, marked as late
	Unchanged Outcome = "unchanged" // new, but says what is known already: a second ban of a banned account
	Stale     Outcome = "stale"     // happened before the time for which duplicates are remembered
	Duplicate Outcome = "duplicate" // recorded before by another workflow, which tells it
	Test      Outcome = "test"      // made by a provider's dashboard
)

// Told reports whether destinations are told of an event with this outcome.
func (o Outcome) Told() bool { return o == Fresh || o == Late || o == Test }
