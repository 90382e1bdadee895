package meta

import (
	"bytes"
	"slices"

	"holdfast/internal/provider/lenient"
)

// mostAround bounds what is repeated with each item of a change. Meta's own are a tenth of that.
const mostAround = 4 << 10

// A wrapper makes of a change with several items as many changes with one: as the change came, without the other items
// and the contacts of others. Every piece is as it came.
type wrapper struct {
	change []byte // the members of the change but the value; each with a comma behind it
	value  []byte // the members of the value but the items and, if there are several contacts, these; likewise
	flat   bool   // the change is its own value

	contacts lenient.Value // if there are several
	people   map[string]lenient.Value
}

// wrapper takes a change apart. It is not ok if the change cannot be put together again, or if too much would be repeated.
func (c Change) wrapper(value lenient.Object) (w wrapper, ok bool) {
	inside := c.Value
	if w.flat = len(inside) == len(c.Element); !w.flat {
		change, reason := c.Element.Object()
		if reason != "" {
			return w, false
		}
		for _, member := range change {
			if !member.Is("value") {
				w.change = appendMember(w.change, member)
			}
		}
	}
	several := len(value.Get("contacts").UpTo(2)) == 2
	for _, member := range value {
		switch {
		case several && member.Is("contacts"):
			w.contacts = member.Value
		case !slices.ContainsFunc(itemLists, member.Is) || len(member.Value.UpTo(1)) == 0: // an empty list says something, perhaps
			w.value = appendMember(w.value, member)
		}
	}
	if several {
		w.people = map[string]lenient.Value{}
		for element := range w.contacts.Elements() {
			if len(element) > mostAround {
				continue // or every item could name it
			}
			o, _ := element.Object()
			contact := contactOf(o)
			w.people[contact.UserID], w.people[contact.WaID] = element, element
		}
		delete(w.people, "")
	}
	return w, len(inside) > 0 && len(w.change)+len(w.value) <= mostAround
}

// around is the change with one item of a list.
func (w wrapper) around(list string, element lenient.Value, item lenient.Object) lenient.Value {
	contacts := w.contactsOf(item)
	v := make([]byte, 0, len(w.change)+len(w.value)+len(contacts)+len(list)+len(element)+40)
	v = append(v, '{')
	if !w.flat {
		v = append(v, w.change...)
		v = append(v, `"value":{`...)
	}
	v = append(v, w.value...)
	if len(contacts) > 0 {
		v = append(v, `"contacts":`...)
		v = append(v, contacts...)
		v = append(v, ',')
	}
	v = append(v, '"')
	v = append(v, list...)
	v = append(v, `":[`...)
	v = append(v, element...)
	v = append(v, `]}`...)
	if !w.flat {
		v = append(v, '}')
	}
	return v
}

// contactsOf is the list of those of several contacts whom an item names, or of all if it names none and they are few.
func (w wrapper) contactsOf(item lenient.Object) []byte {
	if w.people == nil {
		return nil
	}
	var named [][]byte
	for _, name := range []string{"from_user_id", "from", "recipient_user_id", "recipient_id", "to_user_id", "to"} {
		if contact, ok := w.people[item.Get(name).Text()]; ok && !slices.ContainsFunc(named, func(v []byte) bool { return &v[0] == &contact[0] }) {
			named = append(named, contact)
		}
	}
	switch {
	case len(named) > 0:
		return slices.Concat([]byte{'['}, bytes.Join(named, []byte{','}), []byte{']'})
	case len(w.contacts) <= mostAround:
		return w.contacts
	}
	return nil
}

func appendMember(to []byte, member lenient.Member) []byte {
	to = append(append(to, member.Name...), ':')
	return append(append(to, member.Value...), ',')
}
