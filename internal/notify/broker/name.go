package broker

import (
	"strings"

	"holdfast/internal/webhook"
)

// A Name is the name of a topic, subject or routing key, with places for what an event says:
//
//   - {type}: its type, such as account.banned
//   - {family}: the part before the dot, such as account
//   - {source}: the source that it came to
//   - {account}: the WhatsApp business account id, or none
//
// What is put in are letters, digits, hyphens and underscores (and the dot of a type); anything else becomes an underscore, so
// that nothing in an event can make another name out of it, such as a wildcard. Whom a person is known by cannot be put in.
type Name struct{ template string }

// maxTemplate and maxValue keep names below the 249 bytes of Kafka and the 255 of AMQP.
const (
	maxTemplate = 120
	maxValue    = 32
)

// ParseName reads a template. Besides letters, digits, dots, hyphens and underscores it may have what more lists. The problem is empty
// if there is none.
func ParseName(template, more string) (n Name, problem string) {
	fixed := strings.NewReplacer("{type}", "t", "{family}", "f", "{source}", "s", "{account}", "a").Replace(template)
	switch {
	case template == "":
		return Name{}, "is required"
	case len(template) > maxTemplate:
		return Name{}, "is too long"
	case strings.ContainsAny(fixed, "{}"):
		return Name{}, "want no placeholders but {type}, {family}, {source} and {account}"
	case strings.IndexFunc(fixed, func(r rune) bool { return !plain(r) && r != '.' && !strings.ContainsRune(more, r) }) >= 0:
		return Name{}, "want letters, digits, dots, hyphens, underscores and placeholders only"
	case strings.HasPrefix(fixed, "."), strings.HasSuffix(fixed, "."), strings.Contains(fixed, ".."):
		return Name{}, "want something before and after each dot"
	}
	return Name{template}, ""
}

// Of is the name for an event.
func (n Name) Of(e webhook.Event) string {
	if !strings.Contains(n.template, "{") {
		return n.template
	}
	account := e.Account
	if account == "" {
		account = "none"
	}
	return strings.NewReplacer(
		"{type}", string(e.Type), // from the catalog
		"{family}", e.Type.Family(),
		"{source}", tame(e.Source),
		"{account}", tame(account),
	).Replace(n.template)
}

// tame makes one token of a text.
func tame(text string) string {
	token := strings.Map(func(r rune) rune {
		if plain(r) {
			return r
		}
		return '_'
	}, text)
	return token[:min(len(token), maxValue)]
}

func plain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}
