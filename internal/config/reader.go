package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"holdfast/internal/notify/sender"
	"holdfast/internal/provider"
)

// A reader fills the types of this package, and the options of providers, from the nodes of a YAML document. It reads
// the nodes itself because the YAML library's own decoder stops at the first error and quotes the file in it.
type reader struct {
	dir      string // that relative paths start from
	env      func(string) (string, bool)
	dialects []provider.Dialect
	senders  []sender.Type
	problems []problem
	where    map[string]position // of each setting that the file names
}

// problem notes what is wrong with a setting, at its place or, if the file does not name it, at that of what it is in.
// A setting has one problem: what follows from it would only confuse.
func (r *reader) problem(at, format string, args ...any) {
	place := at
	for r.where[place] == (position{}) && place != "" {
		place = place[:max(strings.LastIndexAny(place, ".["), 0)]
	}
	r.problemAt(r.where[place], at, format, args...)
}

func (r *reader) problemAt(p position, at, format string, args ...any) {
	for _, known := range r.problems {
		if known.at == at && known.position == p && at != "" {
			return
		}
	}
	r.problems = append(r.problems, problem{p, at, fmt.Sprintf(format, args...)})
}

// An entry is a name and its value in a mapping.
type entry struct {
	key   string
	place position
	value ast.Node
}

// entries lists what a mapping holds, each name once. Nothing at all counts as an empty mapping.
func (r *reader) entries(n ast.Node, at string) []entry {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case nil, *ast.NullNode:
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		r.problem(at, "want names with values, found %s", describe(n))
	}
	var list []entry
	seen := make(map[string]int, len(pairs))
	for _, pair := range pairs {
		place := placeOf(pair.Key)
		key, ok := keyText(pair.Key)
		if !ok {
			r.problemAt(place, at, "want a plain name")
			continue
		}
		if line, ok := seen[key]; ok {
			r.problemAt(place, join(at, key), "given a second time, first in line %d", line)
			continue
		}
		seen[key] = place.line
		list = append(list, entry{key, place, pair.Value})
	}
	return list
}

func keyText(n ast.MapKeyNode) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// fill sets the fields of one or more structs, and of those embedded in them, from entries; where a name is in several, the first
// has it.
func (r *reader) fill(entries []entry, at string, targets ...reflect.Value) {
	fields := make(map[string]reflect.Value)
	var names []string
	for n := 0; n < len(targets); n++ {
		target := targets[n]
		for i := range target.NumField() {
			if target.Type().Field(i).Anonymous {
				targets = append(targets, target.Field(i))
				continue
			}
			name, _, _ := strings.Cut(target.Type().Field(i).Tag.Get("yaml"), ",")
			if _, taken := fields[name]; taken || name == "" || name == "-" {
				continue
			}
			fields[name] = target.Field(i)
			names = append(names, name)
		}
	}
	for _, e := range entries {
		name := join(at, e.key)
		if field, ok := fields[e.key]; ok {
			r.set(e, name, field)
		} else {
			r.problemAt(e.place, name, "unknown field%s", didYouMean(e.key, names))
		}
	}
}

// set sets a field, an element of a map or the like from an entry.
func (r *reader) set(e entry, at string, v reflect.Value) {
	r.where[at] = e.place
	if isScalar(e.value) {
		r.where[at] = placeOf(e.value)
	}
	r.value(e.value, at, v)
}

// value sets v from a node. The kinds it knows are those that settings have.
func (r *reader) value(n ast.Node, at string, v reflect.Value) {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		r.problem(at, "anchors, aliases and tags are not understood here; a text that begins with &, * or ! wants quotes")
		return
	}
	if s, ok := reflect.TypeAssert[*Source](v.Addr()); ok {
		s.decode(r, n, at)
		return
	}
	if d, ok := reflect.TypeAssert[*Destination](v.Addr()); ok {
		d.decode(r, n, at)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		r.fill(r.entries(n, at), at, v)
	case reflect.Map:
		r.mapping(n, at, v)
	case reflect.Slice:
		r.list(n, at, v)
	default:
		r.scalar(n, at, v)
	}
}

func (r *reader) mapping(n ast.Node, at string, v reflect.Value) {
	entries := r.entries(n, at)
	if len(entries) == 0 {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, e := range entries {
		name := join(at, e.key)
		if strings.Contains(e.key, "${") {
			r.problemAt(e.place, name, "variables are put into values, not into names")
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		r.set(e, name, element)
		v.SetMapIndex(reflect.ValueOf(e.key), element)
	}
}

func (r *reader) list(n ast.Node, at string, v reflect.Value) {
	if n, ok := n.(*ast.SequenceNode); ok {
		v.Set(reflect.MakeSlice(v.Type(), len(n.Values), len(n.Values)))
		for i, value := range n.Values {
			r.set(entry{place: placeOf(value), value: value}, fmt.Sprintf("%s[%d]", at, i), v.Index(i))
		}
		return
	}
	if _, ok := n.(*ast.NullNode); !ok {
		r.problem(at, "want a list, found %s", describe(n))
	}
}

func placeOf(n ast.Node) position {
	if n == nil {
		return position{}
	}
	return place(n.GetToken())
}

func place(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column}
}
