package lenient

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Meta and its resellers send the same scalar as a number here and as a string there, one or a list of them, and times
// in four forms. Whatever is of another kind reads as if it were missing; who needs it must say so.

// Text returns the text of a string or the digits of a number, and "" for anything else.
func (v Value) Text() string {
	switch {
	case len(v) == 0:
		return ""
	case v[0] == '-', '0' <= v[0] && v[0] <= '9':
		return string(v)
	case v[0] != '"':
		return ""
	case len(v) >= 2 && bytes.IndexByte(v, '\\') < 0 && utf8.Valid(v):
		return string(v[1 : len(v)-1])
	}
	var text string
	if err := json.Unmarshal(v, &text); err != nil {
		return ""
	}
	return text
}

// Texts returns the texts of an array, or of a single scalar, without empty ones.
func (v Value) Texts() []string {
	var texts []string
	for _, element := range v.OneOrMany() {
		if text := element.Text(); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// OneOrMany returns the elements of an array, or a value that is none as the only one; nothing of one that is missing.
func (v Value) OneOrMany() []Value {
	switch {
	case v.Missing():
		return nil
	case v[0] != '[':
		return []Value{v}
	}
	var elements []Value
	for element := range v.Elements() {
		elements = append(elements, element)
	}
	return elements
}

// UpTo returns the first elements of an array.
func (v Value) UpTo(most int) []Value {
	var elements []Value
	for element := range v.Elements() {
		if elements = append(elements, element); len(elements) == most {
			break
		}
	}
	return elements
}

// Bool returns a truth, also one in quotes; nil for anything else.
func (v Value) Bool() *bool {
	switch string(v) {
	case `true`, `"true"`:
		return new(true)
	case `false`, `"false"`:
		return new(false)
	}
	return nil
}

// Time returns a time in UTC of the years 1970 to 9998, or the zero time if there is none that can be read: Unix seconds
// or milliseconds as a number or a string, RFC 3339, or that with a zone such as +0000. Later ones have no JSON.
func (v Value) Time() time.Time {
	text := strings.TrimSpace(v.Text())
	if text == "" {
		return time.Time{} // an error would cost more
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return unix(n)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil { // 1.76e9, 1761200607.5
		if 0 < f && f < tooLate {
			return unix(int64(f))
		}
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, text); err == nil && t.Unix() > 0 && t.UTC().Year() <= 9998 {
			return t.UTC()
		}
	}
	return time.Time{}
}

const (
	milliseconds = 100_000_000_000     // as seconds the year 5138, as milliseconds 1973
	tooLate      = 100_000_000_000_000 // more than 13 digits would be neither
)

func unix(n int64) time.Time {
	switch {
	case n <= 0, n >= tooLate:
		return time.Time{}
	case n >= milliseconds:
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}

// Digits returns the digits of a display number such as "+1 555 010-0001", or the trimmed text if it has none.
func Digits(text string) string {
	digits := strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, text)
	if digits == "" {
		return strings.TrimSpace(text)
	}
	return digits
}
