package wording

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/webhook"
)

// list collects facts; what is empty is left out.
type list []Fact

// add takes what is a provider's word or a business's own name.
func (l *list) add(name, value string) {
	if value = clean(value, longestText); value != "" {
		*l = append(*l, Fact{name, value})
	}
}

// say takes text that may speak of a person.
func (l *list) say(name, text string) { l.add(name, scrub(text)) }

// none is how Meta says that there is no reason.
func none(text string) string {
	if text == "NONE" || text == "null" {
		return ""
	}
	return text
}

// details says what an event carries: its gist, for the title; facts; and what they ask for that the type alone does not.
// Of what people are known by and what they wrote it says nothing.
func details(e webhook.Event) (gist string, facts []Fact, do []string) {
	var l list
	switch d := e.Data.(type) {
	case *webhook.Ban:
		l.add("Date", d.Date)
		if e.Type == webhook.AccountBanScheduled {
			gist = d.Date
		}
	case *webhook.Restriction:
		gist = none(d.Violation)
		for _, r := range d.Restrictions[:min(len(d.Restrictions), 4)] {
			end := "no end given"
			if t := moment(r.Until); t != "" {
				end = "until " + t
			}
			l.add("Restricted", clean(r.Type, 100)+", "+end)
			l.say("Meta's advice", r.Remediation)
		}
		l.add("Violation", none(d.Violation))
		l.say("Meta's advice", d.Remediation)
	case *webhook.Violation:
		gist = none(d.Type)
		l.add("Violation", none(d.Type))
		l.say("Meta's advice", d.Remediation)
	case *webhook.Review:
		gist = d.Decision
		l.add("Decision", d.Decision)
	case *webhook.Alert:
		gist = d.Type
		l.add("Alert", d.Type)
		l.add("About", strings.TrimSpace(d.EntityType+" "+d.EntityID))
		l.add("Meta's severity", d.Severity)
		l.add("Status", d.Status)
		l.say("Meta's words", d.Description)
	case *webhook.Capability:
		l.add("People a day, all numbers", d.DailyPerBusiness)
		l.add("People a day, each number", d.DailyPerPhone)
		l.add("Numbers of the business", d.PhonesPerBusiness)
		l.add("Numbers of the account", d.PhonesPerAccount)
		if len(l) > 0 {
			gist = strings.ToLower(l[0].Name) + " " + l[0].Value
		}
	case *webhook.Partner:
		gist = d.Reason
		l.add("Reason", d.Reason)
		l.add("Initiated by", d.InitiatedBy)
		l.add("Business told", d.Business)
		l.add("Owner", d.Owner)
		l.add("App", d.App)
		l.add("Solution", d.Solution)
		l.add("Solution partners", strings.Join(d.SolutionPartners, ", "))
		l.add("Ad account", d.AdAccount)
	case *webhook.PartnerVerification:
		gist = d.Status
		l.add("Status", d.Status)
		l.add("Business", d.ClientBusiness)
		l.add("Reasons", strings.Join(d.Reasons, ", "))
	case *webhook.Country:
		gist = d.Code
		l.add("Country", d.Code)
	case *webhook.VolumeTier:
		gist = d.Tier
		l.add("Messages a month", d.Tier)
		l.add("Category", d.Category)
		l.add("Region", d.Region)
		l.add("Month", d.Month)
		l.add("From", moment(d.Since))
	case *webhook.AuthPricing:
		l.add("From", moment(d.Start))
		for _, x := range d.Exceptions[:min(len(d.Exceptions), 10)] {
			l.add("From, in "+clean(x.Country, 8), moment(x.Start))
		}
	case *webhook.Payment:
		gist = d.Status
		l.add("Configuration", d.Configuration)
		l.add("Status", d.Status)
		l.add("Provider", d.Provider)
		l.add("Updated", moment(d.Updated))
	case *webhook.Solution:
		gist = d.Status
		l.add("Solution", d.ID)
		l.add("Status", d.Status)
		l.add("Business told", d.Business)
	case *webhook.Quality:
		l.add("Limit", d.Limit)
		l.add("Limit before", d.OldLimit)
		l.add("People a day, all numbers", d.DailyPerBusiness)
		if d.Limit != "" && d.OldLimit != "" && d.Limit != d.OldLimit {
			gist = d.OldLimit + " to " + d.Limit
		}
	case *webhook.Name:
		gist = d.Decision
		l.add("Decision", d.Decision)
		l.add("Name asked for", d.Requested)
		l.add("Reason", none(d.Reason))
	case *webhook.Username:
		gist = d.Status
		l.add("Username", d.Username)
		l.add("Status", d.Status)
	case *webhook.Security:
		gist = d.Event
		l.add("What", d.Event)
		if d.Requester != "" {
			l.add("Asked for by", person(webhook.Contact{UserID: d.Requester}))
		}
	case *webhook.Settings:
		l.add("Settings", d.Type)
	default:
		return more(e)
	}
	return clean(gist, 60), l, nil
}

// more is details of templates and flows, and of what concerns people.
func more(e webhook.Event) (gist string, facts []Fact, do []string) {
	var l list
	switch d := e.Data.(type) {
	case *webhook.TemplateStatus:
		gist = none(d.Reason)
		if gist == "" {
			gist = d.Title
		}
		named(&l, d.Template)
		l.add("Category", d.Category)
		l.add("Reason", none(d.Reason))
		l.add("Stage", d.Title)
		l.say("Meta's words", d.Description)
		l.say("Meta's advice", d.Recommendation)
		l.add("Disabled on", moment(d.DisableDate))
	case *webhook.TemplateQuality:
		if gist = d.Score; d.Previous != "" {
			gist = d.Previous + " to " + d.Score
		}
		named(&l, d.Template)
		l.add("Quality", d.Score)
		l.add("Quality before", d.Previous)
	case *webhook.TemplateCategory:
		gist = d.Category
		if d.Correct != "" {
			gist = d.Correct
		}
		named(&l, d.Template)
		l.add("Category", d.Category)
		l.add("Right category", d.Correct)
		l.add("Category before", d.Previous)
		l.add("From", moment(d.At))
	case *webhook.TemplateComponents:
		named(&l, d.Template)
	case *webhook.Flow:
		gist = strings.TrimSpace(clean(d.ID, 40) + " " + d.Status + d.Alert)
		l.add("Flow", d.ID)
		l.add("Status", d.Status)
		l.add("Status before", d.OldStatus)
		l.add("Alert", d.Alert)
		l.add("Error rate", d.ErrorRate)
		l.add("Latency, median", milliseconds(d.LatencyP50))
		l.add("Latency, 90%", milliseconds(d.LatencyP90))
		l.add("Availability", d.Availability)
		l.add("Threshold", d.Threshold)
		l.add("Requests", d.Requests)
		for _, x := range d.Errors[:min(len(d.Errors), 3)] {
			l.add("Error", strings.TrimSpace(x.Type+" "+x.Rate))
		}
		l.say("Meta's words", d.Message)
	case *webhook.Preference:
		l.add("Who", person(d.Contact))
		l.add("Of what", strings.ReplaceAll(d.Category, "_", " "))
		l.add("Known from", d.Basis)
	case *webhook.Identity:
		l.add("Who", person(d.Contact))
		if d.Previous != (webhook.Contact{}) {
			l.add("Known before as", person(d.Previous))
		}
		l.add("Reason", d.Reason)
	case *webhook.SyncedContact:
		gist = d.Action
		l.add("Who", person(d.Contact))
		l.add("What", d.Action)
	case *webhook.MessageStatus:
		if d.Recipient != (webhook.Contact{}) {
			l.add("To", person(d.Recipient))
		}
		l.add("Group", d.Group)
		if d.Pricing != nil {
			l.add("Category", d.Pricing.Category)
		}
		gist, do = failures(&l, d.Errors)
	case *webhook.MessageError:
		gist, do = failures(&l, []webhook.MessageError{*d})
	case *webhook.Message:
		if d.From != (webhook.Contact{}) {
			l.add("From", person(d.From))
		}
		if d.To != (webhook.Contact{}) {
			l.add("To", person(d.To))
		}
		gist = d.Type
		l.add("Kind", d.Type)
		l.add("Group", d.Group)
		_, do = failures(&l, d.Errors)
	case *webhook.Handover:
		gist = d.Role
		if d.Contact != (webhook.Contact{}) {
			l.add("With", person(d.Contact))
		}
		l.add("Handled by", d.Role)
		l.add("Handled before by", d.PreviousRole)
		l.add("App before", d.PreviousApp)
	case *webhook.Call:
		gist = d.Status
		if d.Contact != (webhook.Contact{}) {
			l.add("With", person(d.Contact))
		}
		l.add("Direction", d.Direction)
		l.add("Status", d.Status)
		l.add("Began", moment(d.Start))
		l.add("Ended", moment(d.End))
		l.add("Seconds", d.Seconds)
		var why string
		if why, do = failures(&l, d.Errors); why != "" {
			gist = why
		}
	case *webhook.Group:
		l.add("Group", d.ID)
		l.add("What", d.Type)
		l.add("Initiated by", d.By)
		l.add("Reason", d.Reason)
		if n := len(d.People); n > 0 {
			l.add("People", strconv.Itoa(n))
		}
		gist, do = failures(&l, d.Errors)
	case *webhook.History:
		l.add("Chats", strconv.Itoa(d.Threads))
		l.add("Messages", strconv.Itoa(d.Messages))
		l.add("Progress, percent", d.Progress)
		failures(&l, d.Errors)
	case *webhook.Conversion:
		gist = d.Name
		l.add("What", d.Name)
		l.add("Value", worth(d))
	case *webhook.Raw:
		gist = d.Reason
		l.add("Field", e.Field)
		l.add("Why", d.Reason)
	}
	return clean(gist, 60), l, do
}

func named(l *list, t webhook.Template) {
	var parts []string
	for _, part := range []string{t.Name, t.Language, t.ID} {
		if part = clean(part, 100); part != "" {
			parts = append(parts, part)
		}
	}
	l.add("Template", strings.Join(parts, ", "))
}

// well reports whether data says that all is well, of those that tell of good and bad by the same type.
func well(data any) bool {
	switch d := data.(type) {
	case *webhook.Review:
		return d.Decision == "APPROVED"
	case *webhook.Name:
		return d.Decision == "APPROVED"
	case *webhook.Payment:
		return d.Status == "Active"
	case *webhook.Alert:
		return d.Status == "NONE"
	case *webhook.TemplateQuality:
		return d.Score == "GREEN"
	case *webhook.Flow:
		return d.Alert == "DEACTIVATED" || d.Status == "PUBLISHED"
	}
	return false
}

func milliseconds(text string) string {
	if text == "" {
		return ""
	}
	return text + " ms"
}

// worth is the value of a conversion: its provider counts thousandths.
func worth(c *webhook.Conversion) string {
	n, err := strconv.ParseFloat(c.Value, 64)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("%.2f %s", n/1000, c.Currency))
}

// failures says what errors mean and ask for: by the table of codes, because a provider's texts change, and may hold numbers.
func failures(l *list, errors []webhook.MessageError) (gist string, do []string) {
	for i, e := range errors[:min(len(errors), 3)] {
		name, advice := "Error", "Ask the provider what went wrong."
		if code := clean(e.Code, 20); code != "" {
			name, advice = "Error "+code, "Look up what error "+code+" means in Meta's documentation."
		}
		l.add(name, cmp.Or(meanings(e.Code), scrub(e.Title), "not in the table of error codes"))
		if i == 0 {
			gist = strings.ToLower(name)
		}
		if advice = cmp.Or(advices[e.Advice], advice); !slices.Contains(do, advice) {
			do = append(do, advice)
		}
	}
	return gist, do
}

// meanings finds what a code means; empty if the table does not have it.
func meanings(code string) string {
	n, err := strconv.Atoi(code)
	for _, known := range webhook.ErrorCodes() {
		first, last, isRange := strings.Cut(known.Code, "-")
		if known.Code == code || isRange && err == nil && within(n, first, last) {
			return known.Meaning
		}
	}
	return ""
}

func within(n int, first, last string) bool {
	a, err := strconv.Atoi(first)
	b, wrong := strconv.Atoi(last)
	return err == nil && wrong == nil && a <= n && n <= b
}

// advices are what a code asks of a sender, in sentences.
var advices = map[webhook.Advice]string{
	webhook.StopMarketing:  "Send this person no more marketing messages.",
	webhook.DoNotRetry:     "Do not send it again: it would fail again.",
	webhook.RetryLater:     "Send it again later, and more slowly: wait seconds or minutes.",
	webhook.RetryTomorrow:  "Send it again after 24 hours at the earliest.",
	webhook.OtherChannel:   "Reach this person by another channel.",
	webhook.UseTemplate:    "Send an approved template: the customer service window is closed.",
	webhook.FixMessage:     "Mend the message: its media, its template or its address is at fault.",
	webhook.FixAccount:     "Mend the account: its registration, access, payment or eligibility is at fault.",
	webhook.StopSending:    "Stop sending: the account or number is restricted, and every further message makes it worse.",
	webhook.VerifyIdentity: "Make sure who the person is before you write again: it may be somebody else now.",
}
