package diagnosis

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A reading is what a body may have been before something read it and wrote it anew.
type reading struct {
	how   string // the body …
	body  []byte
	steps int
}

const (
	twice   = 32 << 10 // a larger body is changed in one way only
	largest = 16 << 20 // of what is made from a body
)

// readings are a body changed in one way, and a small one in two, each result once.
func readings(body []byte) []reading {
	seen := map[string]bool{string(body): true}
	var once, all []reading
	for _, c := range changes {
		if made := c.change(body); made != nil && !seen[string(made)] {
			seen[string(made)] = true
			once = append(once, reading{c.how, made, 1})
		}
	}
	all = append(all, once...)
	if len(body) > twice {
		return all
	}
	for _, first := range once {
		for _, c := range changes {
			if len(first.body) > twice {
				break
			}
			if made := c.change(first.body); made != nil && !seen[string(made)] {
				seen[string(made)] = true
				all = append(all, reading{first.how + " and " + c.how, made, 2})
			}
		}
	}
	return all
}

// A change makes of a body what it may have been; nil if it cannot have been that.
type change struct {
	how    string
	change func(body []byte) []byte
}

var changes = []change{
	{"without the line end at its end", func(b []byte) []byte { return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r")) }},
	{"without the space and line ends around it", bytes.TrimSpace},
	{"with a line end at its end", func(b []byte) []byte { return join(b, "\n") }},
	{"with a Windows line end at its end", func(b []byte) []byte { return join(b, "\r\n") }},
	{"with LF instead of CRLF line ends", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }},
	{"with CRLF instead of LF line ends", func(b []byte) []byte {
		return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	}},
	{"without its line ends", func(b []byte) []byte {
		return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\n"), nil), []byte("\r"), nil)
	}},
	{"without the byte order mark before it", func(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\uFEFF")) }},
	{"with a byte order mark before it", func(b []byte) []byte { return append([]byte("\uFEFF"), b...) }},

	{"as JSON without spaces", func(b []byte) []byte { return indented(b, func(w *bytes.Buffer) error { return json.Compact(w, b) }) }},
	{"as JSON with a space behind each colon and comma", spaced},
	{"as JSON indented by two spaces", func(b []byte) []byte {
		return indented(b, func(w *bytes.Buffer) error { return json.Indent(w, b, "", "  ") })
	}},
	{"as JSON indented by four spaces", func(b []byte) []byte {
		return indented(b, func(w *bytes.Buffer) error { return json.Indent(w, b, "", "    ") })
	}},
	{"as JSON indented by tabs", func(b []byte) []byte {
		return indented(b, func(w *bytes.Buffer) error { return json.Indent(w, b, "", "\t") })
	}},
	{"as JSON with its members in order of names", sorted},

	{`with characters instead of \u escapes`, func(b []byte) []byte { return unescaped(b, true, false) }},
	{`with / instead of \/`, func(b []byte) []byte { return unescaped(b, false, true) }},
	{`with characters instead of \u escapes, and / instead of \/`, func(b []byte) []byte { return unescaped(b, true, true) }},
	{`with \u escapes instead of characters beyond ASCII`, func(b []byte) []byte { return escaped(b, beyondASCII, "") }},
	{`with \/ instead of /`, func(b []byte) []byte { return escaped(b, false, "/") }},
	{`with \u escapes instead of characters beyond ASCII, and \/ instead of /`, func(b []byte) []byte { return escaped(b, beyondASCII, "/") }},
	{`with \u escapes instead of < > and &`, func(b []byte) []byte { return escaped(b, false, "<>&") }},
	{`with \u escapes instead of characters beyond ASCII and of @, and \/ instead of /`, func(b []byte) []byte { return escaped(b, beyondASCII, "/@") }},
	{`with \u escapes instead of characters beyond ASCII and of < > & @ %, and \/ instead of /`, func(b []byte) []byte { return escaped(b, beyondASCII, "/<>&@%") }},

	{"taken out of the JSON string that it is", func(b []byte) []byte { return inString(b) }},
	{"taken out of the member body of a JSON object around it", enclosed},
	{`without backslashes before its quotes, as logs write them`, func(b []byte) []byte {
		if !bytes.Contains(b, []byte(`\"`)) || json.Valid(b) {
			return nil
		}
		return inString([]byte(`"` + string(b) + `"`))
	}},
	{"without the quotes around it", func(b []byte) []byte {
		if t := bytes.TrimSpace(b); len(t) > 1 && t[0] == t[len(t)-1] && (t[0] == '\'' || t[0] == '"') {
			return t[1 : len(t)-1]
		}
		return nil
	}},
	{"unpacked with gzip", gunzipped},
	{"decoded from base64", func(b []byte) []byte { return unbase64(string(bytes.TrimSpace(b))) }},
	{"decoded from a URL", func(b []byte) []byte { return unescapedURL(b) }},
	{"taken out of the form field that it is in", func(b []byte) []byte {
		if _, value, ok := bytes.Cut(b, []byte("=")); ok && !json.Valid(b) {
			return unescapedURL(value)
		}
		return nil
	}},
	{"in Latin-1 instead of UTF-8", latin1},
	{"in UTF-8 instead of Latin-1", func(b []byte) []byte {
		if isASCII(b) {
			return nil
		}
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		return []byte(string(runes))
	}},
}

func join(b []byte, end string) []byte { return append(bytes.Clone(b), end...) }

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// indented is nil for what is no JSON, or becomes too large.
func indented(b []byte, write func(w *bytes.Buffer) error) []byte {
	var w bytes.Buffer
	if len(b) > largest/4 || write(&w) != nil || w.Len() > largest {
		return nil
	}
	return w.Bytes()
}

// spaced is JSON as Python writes it.
func spaced(b []byte) []byte {
	compact := indented(b, func(w *bytes.Buffer) error { return json.Compact(w, b) })
	var out []byte
	inside := false
	for i := 0; i < len(compact); i++ {
		c := compact[i]
		out = append(out, c)
		switch {
		case inside && c == '\\' && i+1 < len(compact):
			i++
			out = append(out, compact[i])
		case c == '"':
			inside = !inside
		case !inside && (c == ':' || c == ','):
			out = append(out, ' ')
		}
	}
	return out
}

func sorted(b []byte) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	var w bytes.Buffer
	e := json.NewEncoder(&w)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSuffix(w.Bytes(), []byte("\n"))
}

// unescaped writes escapes of JSON as the characters that they stand for, but for those that must stay escaped.
func unescaped(b []byte, characters, slashes bool) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		if r, n := escapedRune(b[i:]); n > 0 && characters && r >= ' ' && r != '"' && r != '\\' {
			out = utf8.AppendRune(out, r)
			i += n - 1
			continue
		}
		i++
		if b[i] != '/' || !slashes {
			out = append(out, '\\')
		}
		out = append(out, b[i])
	}
	return out
}

// escapedRune reads \uXXXX, or two of them for one character; n is 0 if there is none.
func escapedRune(b []byte) (r rune, n int) {
	unit := func(b []byte) rune {
		if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
			return -1
		}
		v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
		if err != nil {
			return -1
		}
		return rune(v)
	}
	r = unit(b)
	if r < 0 {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if r = utf16.DecodeRune(r, unit(b[6:])); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

const beyondASCII = true

// escaped writes characters as escapes of JSON, with lower-case digits: those of a list and, if wanted, those beyond ASCII.
// What is escaped already stays.
func escaped(b []byte, beyond bool, list string) []byte {
	if !utf8.Valid(b) {
		return nil
	}
	out := make([]byte, 0, len(b)+len(b)/8)
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r == '\\' && i+1 < len(b): // an escape that is there already
			out = append(out, b[i], b[i+1])
			n = 2
		case r == '/' && strings.ContainsRune(list, r):
			out = append(out, '\\', '/')
		case r >= utf8.RuneSelf && beyond, strings.ContainsRune(list, r):
			for _, unit := range utf16.AppendRune(nil, r) {
				digits := strconv.FormatUint(uint64(unit)|1<<16, 16)
				out = append(append(out, `\u`...), digits[1:]...)
			}
		default:
			out = append(out, b[i:i+n]...)
		}
		i += n
	}
	return out
}

func inString(b []byte) []byte {
	var s string
	if json.Unmarshal(b, &s) != nil {
		return nil
	}
	return []byte(s)
}

// enclosed looks into what gateways make of a request.
func enclosed(b []byte) []byte {
	var outer struct {
		Body    json.RawMessage `json:"body"`
		Encoded bool            `json:"isBase64Encoded"`
	}
	if json.Unmarshal(b, &outer) != nil || outer.Body == nil {
		return nil
	}
	inner := inString(outer.Body)
	switch {
	case inner == nil:
		return outer.Body
	case outer.Encoded:
		raw, _ := base64.StdEncoding.DecodeString(string(inner))
		return raw
	}
	return inner
}

func gunzipped(b []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	plain, err := io.ReadAll(io.LimitReader(r, largest+1))
	if err != nil || len(plain) > largest {
		return nil
	}
	return plain
}

func unescapedURL(b []byte) []byte {
	text, err := url.QueryUnescape(string(b))
	if err != nil {
		return nil
	}
	return []byte(text)
}

func latin1(b []byte) []byte {
	if isASCII(b) || !utf8.Valid(b) {
		return nil
	}
	var out []byte
	for _, r := range string(b) {
		if r > 0xff {
			return nil
		}
		out = append(out, byte(r))
	}
	return out
}
