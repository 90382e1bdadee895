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

// Members yields the members of an object in their order, repeated names included; nothing of other values.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for name, member := range v.pairs() {
			if !yield(name.Text(), member) {
				return
			}
		}
	}
}

// pairs is Members with the names as they came.
func (v Value) pairs() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
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
			if len(member) == 0 || !yield(name, member) {
				return
			}
			if rest, ok = skip(after, ','); !ok {
				return
			}
		}
	}
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

// An Object is the members of a JSON object by their exact names.
type Object map[string]Value

// Object returns the members of an object. The reason is empty unless the value is no object or repeats a name: then we
// could not know what the sender meant.
func (v Value) Object() (o Object, reason string) {
	if len(v) == 0 || v[0] != '{' {
		return nil, notObject
	}
	o = Object{}
	for name, member := range v.Members() {
		if _, repeated := o[name]; repeated {
			return nil, repeatedName
		}
		o[name] = member
	}
	return o, ""
}

// Object returns the object that is a member, or nil.
func (o Object) Object(name string) Object {
	member, _ := o[name].Object()
	return member
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
	names := map[string]struct{}{}
	for name, member := range v.Members() {
		if _, repeated := names[name]; repeated {
			return repeatedName
		}
		names[name] = struct{}{}
		if reason := flawWithin(member, depth-1); reason != "" {
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
