package webhook

import (
	"strconv"
	"strings"
)

// ValidID reports whether a text may become part of an entity's name: 1 to 64 ASCII letters, digits and ._:- are the
// same in every encoding, one byte each.
func ValidID(text string) bool { return validName(text, 64) }

func validName(text string, most int) bool {
	for i := range len(text) {
		c := text[i]
		if c != '.' && c != '_' && c != ':' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(text) > 0 && len(text) <= most
}

// ValidField reports whether a text is a possible name of a field. What else is sent as one is kept out of events and
// of [Peek].
func ValidField(field string) bool {
	return validName(field, 64) && !strings.Contains(field, ":")
}

// ValidNumber reports whether a text is a phone number with its country code: 1 to 15 digits (E.164), nothing else.
func ValidNumber(text string) bool {
	return text != "" && len(text) <= 15 && strings.Trim(text, "0123456789") == ""
}

// Key joins the parts of a natural key so that no two lists of parts run together.
func Key(parts ...string) string {
	size := 2
	for _, part := range parts {
		size += len(part) + 3
	}
	key := append(make([]byte, 0, size), '[')
	for i, part := range parts {
		if i > 0 {
			key = append(key, ' ')
		}
		if plain(part) {
			key = append(append(append(key, '"'), part...), '"')
		} else {
			key = strconv.AppendQuote(key, part)
		}
	}
	return string(append(key, ']'))
}

// plain reports whether a text is the same within quotes.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
