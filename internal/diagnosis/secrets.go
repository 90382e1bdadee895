package diagnosis

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"holdfast/internal/signature"
)

// A slot is a place in the settings of a source that holds a secret.
type slot struct {
	name   string // as in holdfast.yaml: app_secrets[0], access_keys.demo
	group  string // the same without index and key
	key    string // its key, if it is one of several by key
	secret signature.Secret
}

// junk is a secret that nobody has.
const junk = signature.Secret("holdfast-0f6e1a7b5c3d-nobody")

var secretType = reflect.TypeFor[signature.Secret]()

// replaceSecrets copies the options of a provider, with other secrets. What is not there stays away.
func replaceSecrets(options any, change func(s slot) signature.Secret) any {
	return replaced(reflect.ValueOf(options), slot{}, change).Interface()
}

// replaced goes through any settings: a secret is what has the type of one.
func replaced(v reflect.Value, at slot, change func(s slot) signature.Secret) reflect.Value {
	switch {
	case v.Type() == secretType:
		if at.secret = signature.Secret(v.String()); at.secret == "" {
			return v
		}
		return reflect.ValueOf(change(at))
	case v.Kind() == reflect.Pointer && !v.IsNil():
		made := reflect.New(v.Type().Elem())
		made.Elem().Set(replaced(v.Elem(), at, change))
		return made
	case v.Kind() == reflect.Struct:
		made := reflect.New(v.Type()).Elem()
		made.Set(v)
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				made.Field(i).Set(replaced(v.Field(i), at.member(field), change))
			}
		}
		return made
	case v.Kind() == reflect.Slice && !v.IsNil():
		made := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			made.Index(i).Set(replaced(v.Index(i), slot{name: fmt.Sprintf("%s[%d]", at.name, i), group: at.group}, change))
		}
		return made
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String && !v.IsNil():
		made := reflect.MakeMap(v.Type())
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			made.SetMapIndex(key, replaced(v.MapIndex(key), slot{name: at.name + "." + key.String(), group: at.group, key: key.String()}, change))
		}
		return made
	}
	return v
}

// member is the place of a field in a struct.
func (s slot) member(field reflect.StructField) slot {
	name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	if name == "" {
		name = strings.ToLower(field.Name)
	}
	join := func(before string) string { return strings.TrimPrefix(before+"."+name, ".") }
	return slot{name: join(s.name), group: join(s.group), key: s.key}
}

func slotsOf(options any) []slot {
	var slots []slot
	replaceSecrets(options, func(s slot) signature.Secret {
		slots = append(slots, s)
		return s.secret
	})
	return slots
}

func secretsOf(slots []slot) []string {
	var secrets []string
	for _, s := range slots {
		secrets = append(secrets, string(s.secret))
	}
	return secrets
}

// only makes those beside a secret worthless, and puts makes one another.
func only(s slot) func(slot) signature.Secret {
	return func(o slot) signature.Secret {
		if o.group == s.group && o.name != s.name {
			return junk
		}
		return o.secret
	}
}

func puts(s slot, secret signature.Secret) func(slot) signature.Secret {
	return func(o slot) signature.Secret {
		if o.name == s.name {
			return secret
		}
		return o.secret
	}
}

// A spelling is a secret written or read in another way.
type spelling struct {
	how    string
	secret signature.Secret
}

// spellings are the ways in which secrets go wrong between a dashboard, a file and a key.
func spellings(s signature.Secret) []spelling {
	text := string(s)
	list := []spelling{
		{"without the space or line end around it", signature.Secret(strings.TrimSpace(text))},
		{"without the quotes around it", signature.Secret(strings.Trim(strings.TrimSpace(text), `"'`))},
		{"with a line end behind it", s + "\n"},
		{"with a Windows line end behind it", s + "\r\n"},
		{"with a space behind it", s + " "},
		{"in lower case", signature.Secret(strings.ToLower(text))},
		{"in upper case", signature.Secret(strings.ToUpper(text))},
		{"written as base64", signature.Secret(base64.StdEncoding.EncodeToString([]byte(s)))},
		{"written as hex", signature.Secret(hex.EncodeToString([]byte(s)))},
	}
	if key, err := hex.DecodeString(strings.TrimSpace(text)); err == nil {
		list = append(list, spelling{"decoded from hex", signature.Secret(key)})
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if key, err := encoding.DecodeString(strings.TrimSpace(text)); err == nil {
			list = append(list, spelling{"decoded from base64", signature.Secret(key)})
		}
	}
	return slices.DeleteFunc(list, func(o spelling) bool { return o.secret == s || o.secret == "" })
}

// filled makes settings with one secret wherever there can be one.
func filled(v reflect.Value) reflect.Value {
	switch {
	case v.Type() == secretType:
		return reflect.ValueOf(junk)
	case v.Kind() == reflect.Pointer && !v.IsNil():
		made := reflect.New(v.Type().Elem())
		made.Elem().Set(filled(v.Elem()))
		return made
	case v.Kind() == reflect.Struct:
		made := reflect.New(v.Type()).Elem()
		made.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				made.Field(i).Set(filled(v.Field(i)))
			}
		}
		return made
	case v.Kind() == reflect.Slice && v.Len() == 0 && secretive(v.Type().Elem()):
		return reflect.Append(v, filled(reflect.Zero(v.Type().Elem())))
	case v.Kind() == reflect.Map && v.Len() == 0 && v.Type().Key().Kind() == reflect.String && secretive(v.Type().Elem()):
		made := reflect.MakeMap(v.Type())
		made.SetMapIndex(reflect.ValueOf("x").Convert(v.Type().Key()), filled(reflect.Zero(v.Type().Elem())))
		return made
	}
	return v
}

// rotated copies settings with the i-th of several secrets, or of several sets of them, in front, and reports whether any
// list has as many.
func rotated(options any, i int) (changed any, more bool) {
	v := reflect.ValueOf(options)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return options, false
	}
	made := reflect.New(v.Type().Elem())
	made.Elem().Set(v.Elem())
	for field, value := range made.Elem().Fields() {
		if !field.IsExported() || value.Kind() != reflect.Slice || value.Len() <= i || !secretive(value.Type()) {
			continue
		}
		value.Set(reflect.AppendSlice(reflect.AppendSlice(reflect.MakeSlice(value.Type(), 0, value.Len()), value.Slice(i, value.Len())), value.Slice(0, i)))
		more = true
	}
	return made.Interface(), more
}

// secretive reports whether a type has secrets in it.
func secretive(t reflect.Type) bool {
	switch kind := t.Kind(); {
	case kind == reflect.Slice, kind == reflect.Map, kind == reflect.Pointer:
		return secretive(t.Elem())
	case kind == reflect.Struct:
		return slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.IsExported() && secretive(f.Type) })
	}
	return t == secretType
}
