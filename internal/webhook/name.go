package webhook

import "strconv"

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
	for i := range len(field) {
		c := field[i]
		if c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(field) > 0 && len(field) <= 64
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
