package activities

import (
	"testing"

	"holdfast/internal/webhook"
)

// nxtele names the id of a number in preferences and not in messages: what is known under one name must not hide what is
// said under the other.
func TestWishesOfOneNumberUnderTwoNames(t *testing.T) {
	wish := func(at int64, of webhook.Type, basis, phone string, want webhook.Outcome) step {
		p := &webhook.Preference{Contact: webhook.Contact{WaID: "1999"}, Category: "marketing_messages", Basis: basis}
		return step{at: at, of: of, data: p, number: "1555", phone: phone, want: want}
	}
	const stopped, resumed = webhook.ContactMarketingStopped, webhook.ContactMarketingResumed
	s := tell(t,
		wish(1, stopped, "keyword", "", webhook.Fresh), wish(2, stopped, "keyword", "", webhook.Unchanged),
		wish(4, resumed, "user_preferences", "500", webhook.Fresh), wish(3, stopped, "keyword", "", webhook.Late),
		wish(5, stopped, "keyword", "", webhook.Fresh),
	)
	const want = `contact/1555/1999 marketing {"status":"stopped","basis":"keyword"}`
	if known := facts(t, s, "contact/1555"); len(known) != 1 || known[0] != want {
		t.Errorf("%q, want %q", known, want)
	}
}
