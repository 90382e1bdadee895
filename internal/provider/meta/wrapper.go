package meta

import (
	"bytes"
	"slices"

	"holdfast/internal/provider/lenient"
)

const (
	// mostAround bounds what is repeated with each item of a change. Meta's own are a tenth of that.
	mostAround = 4 << 10
	// mostRepeated bounds what is repeated with all of them.
	mostRepeated = 4 << 20
)

// A wrapper makes of a change with several items as many changes with one: as the change came, without the other items
// and the contacts of others. Every piece is as it came.
type wrapper struct {
	open  []byte // the change up to its items: the other members of what they are in, each with a comma behind it
	close string // the brackets that are open then

	contacts lenient.Value // if there are several, which are left out of open then
	people   map[string]lenient.Value

	left int // bytes that may still be repeated
}

// wrapper takes a change apart. It is not ok if the change cannot be put together again, or if too much would be repeated.
func (t *traffic) wrapper() (w wrapper, ok bool) {
	w.open, w.left = append(w.open, '{'), mostRepeated
	if len(t.Value) != len(t.Element) { // else the change is its own value
		change, reason := t.Element.Object()
		if reason != "" {
			return w, false
		}
		w.within(change, "value")
	}
	if t.nested {
		w.within(t.value, standbyField)
	}
	w.close += "}"
	several := len(t.inside.Get("contacts").UpTo(2)) == 2
	for _, member := range t.inside {
		switch {
		case several && member.Is("contacts"):
			w.contacts = member.Value
		case len(t.unknown) > 0 && t.isUnknown(member):
		case !slices.ContainsFunc(itemLists, member.Is) || len(asList(member.Value).UpTo(1)) == 0: // an empty list says something, perhaps
			w.open = appendMember(w.open, member)
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
	return w, len(t.Value) > 0 && len(w.open) <= mostAround
}

// within opens the member of an object that the items are in, after the others.
func (w *wrapper) within(o lenient.Object, name string) {
	for _, member := range o {
		if !member.Is(name) {
			w.open = appendMember(w.open, member)
		}
	}
	w.open = append(append(append(w.open, '"'), name...), `":{`...)
	w.close += "}"
}

// around is the change with one item of a list, or that item if too much was repeated by now.
func (w *wrapper) around(list string, element lenient.Value, item lenient.Object) lenient.Value {
	contacts := w.contactsOf(item)
	if w.left -= len(w.open) + len(contacts); w.left < 0 {
		return element
	}
	v := make([]byte, 0, len(w.open)+len(contacts)+len(list)+len(element)+len(w.close)+20)
	v = append(v, w.open...)
	if len(contacts) > 0 {
		v = append(v, `"contacts":`...)
		v = append(v, contacts...)
		v = append(v, ',')
	}
	v = append(v, '"')
	v = append(v, list...)
	v = append(v, `":[`...)
	v = append(v, element...)
	v = append(v, ']')
	return append(v, w.close...)
}

// contactsOf is the list of those of several contacts whom an item names, or of all if it names none and they are few.
func (w *wrapper) contactsOf(item lenient.Object) []byte {
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
