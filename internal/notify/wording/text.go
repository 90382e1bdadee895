package wording

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"holdfast/internal/notify/sender"
	"holdfast/internal/webhook"
)

// clean makes one line of a text, at most so many characters: without what is not shown, or would turn other text around.
func clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r), r == unicode.ReplacementChar:
			return ' '
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return strings.TrimSpace(string(runes[:most-1])) + "…"
	}
	return text
}

// digits may be a phone number, however somebody wrote it; userID is one by which Meta knows a person.
var (
	digits = regexp.MustCompile(`\+?\d(?:[ ()./-]{0,2}\d){6,}`)
	userID = regexp.MustCompile(`\b[A-Z]{2}\.(?:ENT\.)?[0-9A-Za-z]{6,128}\b`)
)

// scrub is clean for text that may name a person: of what may be a number or a user id, the end is left.
func scrub(text string) string {
	text = userID.ReplaceAllStringFunc(text, func(found string) string { return "…" + last4(found) })
	text = digits.ReplaceAllStringFunc(text, func(found string) string {
		return "…" + last4(strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, found))
	})
	return clean(text, longestText)
}

func last4(text string) string { return text[len(text)-4:] }

// person is how a person is spoken of.
func person(c webhook.Contact) string {
	for _, known := range []string{c.WaID, c.UserID, c.ParentUserID} {
		if known = clean(known, 200); len(known) >= 8 {
			if end := last4(known); !strings.ContainsFunc(end, func(r rune) bool { return r >= 0x80 }) {
				return "a person, …" + end
			}
		}
	}
	return "a person"
}

// number is how a business number is spoken of: business numbers are public.
func number(p webhook.Phone) string {
	switch {
	case webhook.ValidNumber(p.Number):
		return "number +" + p.Number
	case p.Number != "":
		return "number " + clean(p.Number, 32)
	case p.ID != "":
		return "number with the id " + clean(p.ID, 64)
	}
	return ""
}

func account(m sender.Message) string {
	name, id := clean(m.Account.Name, 40), clean(m.Event.Account, 64)
	switch {
	case name != "" && id != "" && name != id:
		return "account " + name + " (" + id + ")"
	case id != "":
		return "account " + id
	}
	return "an account"
}

// of says whose something is, after it; nothing if that is not known.
func of(m sender.Message) string {
	if m.Event.Account == "" {
		return ""
	}
	return " of " + account(m)
}

func whom(m sender.Message) string {
	text := "no account"
	if m.Event.Account != "" {
		text = account(m)
		if tenant := clean(m.Account.Tenant, 60); tenant != "" {
			text += ", tenant " + tenant
		}
	}
	if n := number(m.Event.Phone); n != "" {
		text += ", " + n
	}
	return text
}

func template(e webhook.Event) string {
	var t webhook.Template
	switch d := e.Data.(type) {
	case *webhook.TemplateStatus:
		t = d.Template
	case *webhook.TemplateQuality:
		t = d.Template
	case *webhook.TemplateCategory:
		t = d.Template
	case *webhook.TemplateComponents:
		t = d.Template
	}
	text := "a template"
	switch {
	case t.Name != "":
		text = "template " + clean(t.Name, 40)
	case t.ID != "":
		text = "template " + clean(t.ID, 40)
	}
	if t.Language != "" {
		text += " (" + clean(t.Language, 12) + ")"
	}
	return text
}

// moment is a time as people anywhere read it in the same way; empty for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}

func since(e webhook.Event) string {
	text := moment(e.Time)
	switch {
	case text == "":
		return "not known"
	case e.TimeAssumed:
		return text + " (when it came: the provider gives no time)"
	case e.ZoneAssumed:
		return text + " (the provider gives no zone)"
	}
	return text
}

// span is a duration in words: the two largest units of it.
func span(d time.Duration) string {
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	if days > 0 {
		return fmt.Sprintf("%d d %d h", days, hours)
	}
	if hours > 0 {
		return fmt.Sprintf("%d h %d min", hours, minutes)
	}
	return fmt.Sprintf("%d min", minutes)
}
