package activities

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/webhook"
)

func TestChanges(t *testing.T) {
	const account, number = "1022", "15550001111"
	phone := webhook.Phone{ID: "400", Number: number}
	for name, c := range map[string]struct {
		of   webhook.Type
		data any
		want []string // entity aspect value safety
	}{
		"ban":         {webhook.AccountBanned, &webhook.Ban{State: "DISABLE", Date: "October 22, 2025"}, []string{`account/1022 status {"status":"banned","date":"October 22, 2025"} 2`}},
		"reinstated":  {webhook.AccountReinstated, &webhook.Ban{State: "REINSTATE", Date: "October 21, 2025"}, []string{`account/1022 status {"status":"active"} 0`}},
		"deleted":     {webhook.AccountDeleted, &webhook.None{}, []string{`account/1022 status {"status":"deleted"} 3`}},
		"lifted":      {webhook.AccountRestrictionLifted, &webhook.Restriction{}, []string{`account/1022 restriction {"status":"none"} 0`, `account/1022 restriction_notice {"status":"none"} 0`}},
		"reported":    {webhook.AccountRestrictionReported, &webhook.Restriction{}, []string{`account/1022 restriction_notice {"status":"reported"} 2`}},
		"capability":  {webhook.AccountCapabilityUpdated, &webhook.Capability{PhonesPerAccount: "20"}, []string{`account/1022 limit.phones_per_account "20" 1073741804`}},
		"flagged":     {webhook.PhoneFlagged, &webhook.Quality{Limit: "TIER_1K"}, []string{`phone/1022/15550001111 limit "TIER_1K" 1073740824`, `phone/1022/15550001111 quality "flagged" 1`}},
		"added":       {webhook.PhoneAdded, &webhook.None{}, []string{`phone/1022/15550001111 presence {"status":"added"} 0`}},
		"stopped":     {webhook.ContactMarketingStopped, &webhook.Preference{Contact: webhook.Contact{UserID: "US.1", WaID: "1555"}, Basis: "user_preferences"}, []string{`contact/400/US.1 marketing {"status":"stopped","basis":"user_preferences"} 1`, `contact/400/1555 marketing {"status":"stopped","basis":"user_preferences"} 1`}},
		"only by id":  {webhook.ContactMarketingResumed, &webhook.Preference{Contact: webhook.Contact{UserID: "US.1"}}, []string{`contact/400/US.1 marketing {"status":"resumed","basis":""} 0`}},
		"informs":     {webhook.AccountPartnerAdded, &webhook.Partner{}, nil},
		"unknown":     {webhook.Unrecognized, &webhook.Raw{}, nil},
		"not renamed": {webhook.AccountReviewed, &webhook.Review{Decision: "REJECTED"}, []string{`account/1022 review {"decision":"REJECTED"} 1`}},
	} {
		t.Run(name, func(t *testing.T) {
			e := webhook.Event{Type: c.of, Account: account, Phone: phone, Time: time.Unix(1790000000, 0), Data: c.data}
			var got []string
			for _, change := range changes(e) {
				got = append(got, strings.Join([]string{change.Entity, change.Aspect, change.Value, strconv.Itoa(change.Safety)}, " "))
				if !change.Time.Equal(e.Time) {
					t.Errorf("as of %s", change.Time)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			e.Account, e.Phone.Number = "", ""
			for _, change := range changes(e) {
				if change.Entity == "account/" || strings.HasPrefix(change.Entity, "phone//") {
					t.Errorf("a change of nobody: %s", change.Entity)
				}
			}
		})
	}
}

// Of two limits the lower one is the safer to believe, however they are written.
func TestLimitSafety(t *testing.T) {
	order := []string{"TIER_UNLIMITED", "TIER_100K", "TIER_10K", "TIER_2K", "TIER_1K", "250", "TIER_50"}
	for i := 1; i < len(order); i++ {
		if limitSafety(order[i]) <= limitSafety(order[i-1]) {
			t.Errorf("%s is not safer than %s", order[i], order[i-1])
		}
	}
	if limitSafety("2000") != limitSafety("TIER_2K") || limitSafety("-1") != limitSafety("TIER_UNLIMITED") {
		t.Error("two spellings of a limit differ")
	}
}
