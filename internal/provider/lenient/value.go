// Package lenient reads JSON that several senders write in several ways: without copying it, one value at a time, and so
// that what is of an unexpected kind reads as if it were missing. Providers are made of it.
package lenient

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"unicode/utf8"
)

// Why a value is not read. They are reasons of events that are not understood, so they say nothing of the value.
const (
	NotObject    = "not an object"
	NotUTF8      = "invalid UTF-8"
	RepeatedName = "repeated member name"
	TooMany      = "too many members"
	TooDeep      = "nested too deeply"
)

// A Value is one JSON value as it came: its very bytes, cut out of a body without decoding or copying it. The zero Value
// is one that is missing; every method takes it for empty.
//
// Cutting trusts that json.Valid accepted the body. In a body that it did not, values end early or are missing, but
// nothing worse happens: to peek relies on that.
type Value []byte

// Cut takes the first value of a body.
func Cut(body []byte) Value {
	v, _ := cut(body)
	return v
}

// Missing reports whether there is no value, or null.
func (v Value) Missing() bool { return len(v) == 0 || v[0] == 'n' }

// A Member is one of an object.
type Member struct {
	Name  Value // as it came, in quotes
	Value Value
}

// Members yields the members of an object in their order, repeated names included; nothing of other values.
func (v Value) Members() iter.Seq[Member] {
	return func(yield func(Member) bool) {
		for rest := v.inside('{'); ; {
			m, after, ok := member(rest)
			if !ok || !yield(m) {
				return
			}
			rest = after
		}
	}
}

// member takes a member off the front of the inside of an object, with the comma behind it.
func member(inside []byte) (m Member, rest []byte, ok bool) {
	if m.Name, rest = cut(inside); len(m.Name) == 0 || m.Name[0] != '"' {
		return Member{}, nil, false
	}
	if rest, ok = skip(rest, ':'); !ok {
		return Member{}, nil, false
	}
	if m.Value, rest = cut(rest); len(m.Value) == 0 {
		return Member{}, nil, false
	}
	rest, _ = skip(rest, ',')
	return m, rest, true
}

// Is reports whether a member has a name, which is one of ASCII letters: what is written without escapes is compared as
// it came.
func (m Member) Is(name string) bool {
	n := m.Name
	if len(n) == len(name)+2 && string(n[1:len(n)-1]) == name {
		return true
	}
	return bytes.IndexByte(n, '\\') >= 0 && n.Text() == name
}

// name is that of a member without its quotes, cut out if there is nothing to decode in it.
func (m Member) name() []byte {
	if n := m.Name; len(n) >= 2 && n[len(n)-1] == '"' && bytes.IndexByte(n, '\\') < 0 && utf8.Valid(n) {
		return n[1 : len(n)-1]
	}
	return []byte(m.Name.Text())
}

// Elements yields the elements of an array; nothing of other values.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for rest := v.inside('['); ; {
			element, after := cut(rest)
			if len(element) == 0 || !yield(element) {
				return
			}
			var ok bool
			if rest, ok = skip(after, ','); !ok {
				return
			}
		}
	}
}

// An Object is the members of a JSON object, each name once. Objects of webhooks have a dozen members: to look through
// them takes less than to make a map.
type Object []Member

// mostMembers bounds an object: thousands of items may each ask what is beside them.
const mostMembers = 1000

// Object returns the members of an object. The reason is empty unless the value is no object, repeats a name, for then we
// could not know what the sender meant, or has more than 1,000 members.
func (v Value) Object() (o Object, reason string) {
	if len(v) == 0 || v[0] != '{' {
		return nil, NotObject
	}
	o = make(Object, 0, min(12, 1+len(v)/24)) // of what is in webhooks, one member takes 24 bytes and more
	var known names
	for rest := v.inside('{'); ; {
		m, after, ok := member(rest)
		if !ok {
			return o, ""
		}
		if len(o) == mostMembers {
			return nil, TooMany
		}
		o = append(o, m)
		if known.repeats(o, len(o)-1) {
			return nil, RepeatedName
		}
		rest = after
	}
}

// Get returns the member of a name, which is one of ASCII letters, or the zero Value.
func (o Object) Get(name string) Value {
	for _, member := range o {
		if member.Is(name) {
			return member.Value
		}
	}
	return nil
}

// Object returns the object that is a member, or nil.
func (o Object) Object(name string) Object {
	member, _ := o.Get(name).Object()
	return member
}

// names are those of an object that has many members.
type names map[string]struct{}

// repeats reports whether the i-th of some members has the name of an earlier one. It is asked of each in turn.
func (n *names) repeats(members []Member, i int) bool {
	const few = 32 // up to there it takes less to look through them
	if i < few {
		return slices.ContainsFunc(members[:i], func(m Member) bool { return bytes.Equal(m.name(), members[i].name()) })
	}
	if *n == nil {
		*n = make(names, 2*few)
		for _, m := range members[:i] {
			(*n)[string(m.name())] = struct{}{}
		}
	}
	name := string(members[i].name())
	_, repeated := (*n)[name]
	(*n)[name] = struct{}{}
	return repeated
}

// Flaw says why a value should not be interpreted at all, or nothing. Depth bounds its recursion, and that of whoever
// reads the value after it.
func Flaw(v Value) string {
	var f Flaws
	return f.Of(v)
}

// Flaws finds those of one value after another.
type Flaws struct {
	members []Member // of the objects that it is in, outermost first; kept for the next value
}

// Of is [Flaw].
func (f *Flaws) Of(v Value) string {
	if !utf8.Valid(v) {
		return NotUTF8
	}
	if f.members == nil {
		f.members = make([]Member, 0, 16)
	}
	f.members = f.members[:0]
	return f.within(v, 20) // Meta nests no deeper than ten
}

func (f *Flaws) within(v Value, depth int) string {
	if len(v) == 0 || v[0] != '{' && v[0] != '[' {
		return ""
	}
	if depth == 0 {
		return TooDeep
	}
	if v[0] == '[' {
		for rest := v.inside('['); ; {
			element, after := cut(rest)
			if len(element) == 0 {
				return ""
			}
			if reason := f.within(element, depth-1); reason != "" {
				return reason
			}
			rest, _ = skip(after, ',')
		}
	}
	var known names
	base := len(f.members)
	for rest := v.inside('{'); ; {
		m, after, ok := member(rest)
		if !ok {
			f.members = f.members[:base]
			return ""
		}
		f.members = append(f.members, m)
		if known.repeats(f.members[base:], len(f.members)-base-1) {
			return RepeatedName
		}
		if reason := f.within(m.Value, depth-1); reason != "" {
			return reason
		}
		rest = after
	}
}

// Canonical is the same for values that differ in spaces and in the order of members only.
func Canonical(v Value) []byte {
	if Flaw(v) != "" {
		return v
	}
	decoder := json.NewDecoder(bytes.NewReader(v))
	decoder.UseNumber() // or large numbers would run together
	var decoded any
	if err := decoder.Decode(&decoded); err != nil {
		return v
	}
	sorted, err := json.Marshal(decoded)
	if err != nil {
		return v
	}
	return sorted
}

// Compact is the same for values that differ in spaces only. It costs a look at each byte, and a copy if there are any.
func Compact(v Value) []byte {
	var compact []byte
	from := 0
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '"':
			i += quoted(v[i:]) - 1
		case ' ', '\t', '\r', '\n':
			if compact == nil {
				compact = make([]byte, 0, len(v))
			}
			compact = append(compact, v[from:i]...)
			from = i + 1
		}
	}
	if compact == nil {
		return v
	}
	return append(compact, v[from:]...)
}

// inside returns what follows the opening bracket, or nothing if the value does not begin with it.
func (v Value) inside(bracket byte) []byte {
	if len(v) == 0 || v[0] != bracket {
		return nil
	}
	return v[1:]
}

// cut takes a value off the front. It is empty if none begins there.
func cut(data []byte) (v Value, rest []byte) {
	data = space(data)
	n := extent(data)
	return Value(data[:n:n]), data[n:]
}

func extent(data []byte) int {
	if len(data) == 0 {
		return 0
	}
	switch data[0] {
	case '"':
		return quoted(data)
	case '{', '[':
		depth := 0
		for i := 0; i < len(data); i++ {
			switch data[i] {
			case '"':
				i += quoted(data[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
		return len(data)
	}
	for i, c := range data {
		switch c {
		case ',', ':', ']', '}', ' ', '\t', '\r', '\n':
			return i
		}
	}
	return len(data)
}

// quoted is the extent of a string. It looks for its end as fast as can be: most of a webhook is in strings.
func quoted(data []byte) int {
	for from := 1; from < len(data); {
		n := bytes.IndexByte(data[from:], '"')
		if n < 0 {
			break
		}
		end := from + n
		backslashes := 0
		for data[end-1-backslashes] == '\\' { // ends at the opening quote
			backslashes++
		}
		if backslashes%2 == 0 {
			return end + 1
		}
		from = end + 1
	}
	return len(data)
}

func skip(data []byte, c byte) (rest []byte, ok bool) {
	data = space(data)
	if len(data) == 0 || data[0] != c {
		return nil, false
	}
	return data[1:], true
}

func space(data []byte) []byte {
	for len(data) > 0 && (data[0] == ' ' || data[0] == '\t' || data[0] == '\r' || data[0] == '\n') {
		data = data[1:]
	}
	return data
}
