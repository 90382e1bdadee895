package webhook

import "slices"

// A Peek is what a cheap look at a body tells before it is normalized. It decides the lane and what the Temporal UI
// shows of the workflow until more is known; nothing else may depend on it, and every member may be empty.
type Peek struct {
	Fields   []string // provider's names of what is inside, each once, in order of appearance
	Accounts []string // WhatsApp business account ids, each once, in order of appearance
	Urgent   bool     // about an account, a phone, a preference or a template, not only message traffic
}

// AddField adds the name of a field, if it can be one.
func (p *Peek) AddField(name string) { add(&p.Fields, name, ValidField) }

// AddAccount adds the id of an account, if it can be one.
func (p *Peek) AddAccount(id string) { add(&p.Accounts, id, ValidID) }

// add keeps a list short, whatever is sent.
func add(list *[]string, text string, valid func(string) bool) {
	if valid(text) && len(*list) < 100 && !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}
