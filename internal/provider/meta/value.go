package meta

import (
	"bytes"
	"encoding/json"
	"iter"
	"unicode/utf8"
)

// A Value is one JSON value as it came: its very bytes, cut out of a body without decoding or copying it. The zero Value
// is one that is missing; every method takes it for empty.
//
// Cutting trusts that json.Valid accepted the body. In a body that it did not, values end early or are missing, but
// nothing worse happens: [Provider.Peek] relies on that.
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
			name, after := cut(rest)
			if len(name) == 0 || name[0] != '"' {
				return
			}
			after, ok := skip(after, ':')
			if !ok {
				return
			}
			member, after := cut(after)
			if len(member) == 0 || !yield(Member{name, member}) {
				return
			}
			if rest, ok = skip(after, ','); !ok {
				return
			}
		}
	}
}

// Is reports whether a member has a name.
func (m Member) Is(name string) bool { return string(m.name()) == name }

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

// Object returns the members of an object. The reason is empty unless the value is no object or repeats a name: then we
// could not know what the sender meant.
func (v Value) Object() (o Object, reason string) {
	if len(v) == 0 || v[0] != '{' {
		return nil, notObject
	}
	o = make(Object, 0, 8)
	var known names
	for member := range v.Members() {
		if known.add(member.name()) {
			return nil, repeatedName
		}
		o = append(o, member)
	}
	return o, ""
}

// Get returns the member of a name, or the zero Value.
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

// names finds repeated names.
type names struct {
	few  [][]byte
	many map[string]struct{} // used from a number on at which looking through them would take long
}

// add reports whether a name was added before.
func (n *names) add(name []byte) (repeated bool) {
	const few = 32
	if n.many == nil {
		for _, known := range n.few {
			if bytes.Equal(known, name) {
				return true
			}
		}
		if n.few = append(n.few, name); len(n.few) == few {
			n.many = make(map[string]struct{}, 2*few)
			for _, known := range n.few {
				n.many[string(known)] = struct{}{}
			}
		}
		return false
	}
	_, repeated = n.many[string(name)]
	n.many[string(name)] = struct{}{}
	return repeated
}

// flaw says why a value should not be interpreted at all, or nothing. Depth bounds its recursion, and that of whoever
// reads the value after it.
func flaw(v Value) string {
	if !utf8.Valid(v) {
		return notUTF8
	}
	return flawWithin(v, 20) // Meta nests no deeper than ten
}

func flawWithin(v Value, depth int) string {
	if len(v) == 0 || v[0] != '{' && v[0] != '[' {
		return ""
	}
	if depth == 0 {
		return tooDeep
	}
	var known names
	for member := range v.Members() {
		if known.add(member.name()) {
			return repeatedName
		}
		if reason := flawWithin(member.Value, depth-1); reason != "" {
			return reason
		}
	}
	for element := range v.Elements() {
		if reason := flawWithin(element, depth-1); reason != "" {
			return reason
		}
	}
	return ""
}

// canonical is the same for values that differ in spaces and in the order of members only.
func canonical(v Value) []byte {
	if flaw(v) != "" {
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

func quoted(data []byte) int {
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
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
