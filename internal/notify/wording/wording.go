// Package wording says to people what happened: to which account, since when, and what to do about it. Those who tell people
// (Slack, PagerDuty, Teams, e-mail) show what it says in their own way.
//
// Nothing in a note says who a person is, or what somebody wrote: people are "a person, …4321". What providers and accounts'
// owners wrote is of one line, bounded, and not to be trusted as markup.
package wording

import (
	"cmp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"holdfast/internal/notify/sender"
	"holdfast/internal/webhook"
)

// A Note is an event in words.
type Note struct {
	Event    string // id
	Type     webhook.Type
	Source   string
	Severity webhook.Severity
	Title    string   // a line of at most 140 characters: "Account Acme (1022…) is banned"
	What     string   // a sentence or two: what that means
	Marks    []string // sentences on what is special: that it is a test, late, or told after its turn
	Whom     string   // the account and the number: "account Acme (1022…), tenant emea, number +15550001111"
	Since    string   // "2025-10-23 06:23:27 UTC", and whose time that is if it is not the provider's
	Facts    []Fact   // what else is known, at most 12
	Do       []string // what to do, in sentences; never empty
	Well     bool     // what it carries says that all is well: approved, active, published, GREEN
	Link     string   // to the workflow; empty if nobody has configured the Temporal UI
}

// A Fact is a detail of a note.
type Fact struct{ Name, Value string }

const (
	longestTitle = 140 // a header of Slack takes 150
	longestText  = 300
	mostFacts    = 12
)

// slow is how long after it happened people are told without being told why.
const slow = 15 * time.Minute

// Of puts an event into words.
func Of(m sender.Message) Note {
	e := m.Event
	n := Note{
		Event: e.ID, Type: e.Type, Source: clean(e.Source, longestText),
		Whom: whom(m), Since: since(e), Link: m.Link, Marks: marks(m),
	}
	if entry, ok := webhook.Lookup(e.Type); ok {
		n.Severity, n.What = entry.Severity, entry.Meaning
	}
	gist, facts, do := details(e)
	n.Facts = facts[:min(len(facts), mostFacts)]
	said := words[e.Type]
	n.Well = well(e.Data)
	switch n.Do = append(do, said.do...); {
	case n.Well || len(n.Do) == 0 && n.Severity == webhook.Info:
		n.Do = []string{"Nothing has to be done."}
	case len(n.Do) == 0:
		n.Do = []string{"Look at it in its workflow."}
	}
	id := "ACCOUNT"
	if webhook.ValidID(e.Account) { // people paste it into a shell
		id = e.Account
	}
	for i, line := range n.Do {
		n.Do[i] = strings.ReplaceAll(line, "{id}", id)
	}
	n.Title = title(said.title, gist, m)
	return n
}

// title fills in a title of the table. The words for tests and late events come first, because titles are cut.
func title(pattern, gist string, m sender.Message) string {
	e := m.Event
	number := cmp.Or(number(e.Phone), "a number") + of(m)
	line := strings.NewReplacer(
		"{account}", account(m),
		"{number}", number,
		"{of}", of(m),
		"{template}", template(e)+of(m),
	).Replace(cmp.Or(pattern, "{account}: "+clean(string(e.Type), 64)))
	if first, size := utf8.DecodeRuneInString(line); size > 0 {
		line = string(unicode.ToUpper(first)) + line[size:]
	}
	if gist != "" {
		line += ": " + gist
	}
	switch {
	case e.Test:
		line = "Test: " + line
	case e.Late || m.OutOfOrder:
		line = "Late: " + line
	}
	return clean(line, longestTitle)
}

func marks(m sender.Message) []string {
	var list []string
	if m.Event.Test {
		list = append(list, "This is a test: nothing of it happened.")
	}
	if m.Event.Late {
		list = append(list, "This is told late: something later is known already, so it is not what is true now.")
	}
	if m.OutOfOrder {
		list = append(list, "This is told after its turn: later events of the account may have been told before.")
	}
	if after := m.At.Sub(m.Event.Time); after > slow && !m.Event.Time.IsZero() && !m.Event.TimeAssumed && !m.Event.Test {
		list = append(list, "It took "+span(after)+" to be told.")
	}
	return list
}

// Plain is the note as plain text, with the title as its first line.
func (n Note) Plain() string {
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	line(n.Title)
	line("")
	line(n.What)
	for _, mark := range n.Marks {
		line(mark)
	}
	line("")
	for _, f := range n.Rows() {
		line(f.Name + ": " + f.Value)
	}
	line("")
	line("What to do")
	for _, do := range n.Do {
		line("- " + do)
	}
	if n.Link != "" {
		line("")
		line("Workflow: " + n.Link)
	}
	line("")
	line(n.Footer())
	return b.String()
}

// Rows are the facts as all of them are shown: to whom and since when first.
func (n Note) Rows() []Fact {
	return append([]Fact{{"Whom", n.Whom}, {"Since", n.Since}}, n.Facts...)
}

// Footer names the event for those who look it up.
func (n Note) Footer() string {
	return "Holdfast: " + string(n.Type) + ", " + string(n.Severity) + ", source " + cmp.Or(n.Source, "unknown") + ", event " + n.Event
}
