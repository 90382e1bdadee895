package whizard

import (
	"encoding/json"
	"slices"
	"time"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/provider/meta"
	"holdfast/internal/webhook"
)

// flatLists are the members of a body of the on-premises client, of which any may be there (Meta: On-Premises API,
// Webhooks; 360dialog: Webhook).
var flatLists = []string{"messages", "statuses", "contacts", "errors"}

// Normalize finds the events in a body of either shape. What has neither is unrecognized.
func (p *Provider) Normalize(body []byte, received time.Time) []webhook.Event {
	if json.Valid(body) {
		if top, reason := lenient.Cut(body).Object(); reason == "" && p.flat(top) {
			return p.flatChange(body, received).Events()
		}
	}
	return p.meta.Normalize(body, received)
}

// flat reports whether a body is one of the on-premises client.
func (p *Provider) flat(top lenient.Object) bool {
	if p.format != formatAuto {
		return p.format == formatOnPrem
	}
	return top.Get("object").Text() != "whatsapp_business_account" &&
		slices.ContainsFunc(flatLists, func(list string) bool { return len(top.Get(list)) > 0 })
}

// flatChange is a body of the on-premises client: what Meta calls a value today. Whose it is, only the configuration says.
func (p *Provider) flatChange(body []byte, received time.Time) meta.Change {
	return meta.Change{
		Field: "messages", Account: p.account, Phone: p.phone, Value: lenient.Cut(body), Element: lenient.Cut(body), Received: received, Words: p.words,
	}
}

// Peek decodes no value.
func (p *Provider) Peek(body []byte) webhook.Peek {
	var peek webhook.Peek
	for member := range lenient.Cut(body).Members() {
		switch {
		case member.Is("entry"):
			return p.meta.Peek(body)
		case slices.ContainsFunc(flatLists, member.Is):
			peek.AddField("messages")
			peek.AddAccount(p.account)
		}
	}
	return peek
}
