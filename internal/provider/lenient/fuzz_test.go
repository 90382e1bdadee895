package lenient_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"holdfast/internal/provider/lenient"
)

// What is cut out of a body is what encoding/json finds in it.
func FuzzValue(f *testing.F) {
	f.Add([]byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","time":1790001000,"changes":[{"field":"x","value":{"a":[true,null]}}]}]}`))
	f.Add([]byte(`{"a" : [1, "\"]", {"\u0062":null}],"c":-1e5 }`))
	f.Add([]byte("{\"\xe0\":[],\"\\\\\":\"\\\\\"}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		v := lenient.Cut(body)
		v.Time()
		for member := range v.Members() {
			member.Value.Texts()
		}
		if !json.Valid(body) {
			return
		}
		var object map[string]json.RawMessage
		if o, reason := v.Object(); reason == "" {
			if err := json.Unmarshal(body, &object); err != nil {
				t.Fatal(err)
			}
			if len(o) != len(object) {
				t.Fatalf("%d members, want %d", len(o), len(object))
			}
			for name, want := range object {
				if strings.ContainsRune(name, utf8.RuneError) {
					continue // nobody asks for a name that has no letters of its own
				}
				if !bytes.Equal(o.Get(name), want) {
					t.Errorf("%q: %q, want %q", name, o.Get(name), want)
				}
			}
		}
		var array []json.RawMessage
		if err := json.Unmarshal(body, &array); err == nil {
			i := 0
			for element := range v.Elements() {
				if !bytes.Equal(element, array[i]) {
					t.Errorf("%q, want %q", element, array[i])
				}
				i++
			}
			if i != len(array) {
				t.Errorf("%d elements, want %d", i, len(array))
			}
		}
		var text string
		if err := json.Unmarshal(body, &text); err == nil && text != v.Text() {
			t.Errorf("%q, want %q", v.Text(), text)
		}
	})
}
