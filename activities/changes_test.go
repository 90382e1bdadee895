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
		"restricted":  {webhook.AccountRestricted, &webhook.Restriction{Restrictions: []webhook.Restricted{{Type: "RESTRICTED_ADD_PHONE_NUMBER_ACTION"}, {Type: "RESTRICTED_BIZ_INITIATED_MESSAGING"}}, Violation: "SCAM"}, []string{`account/1022 restriction {"status":"restricted","restrictions":[{"type":"RESTRICTED_ADD_PHONE_NUMBER_ACTION"},{"type":"RESTRICTED_BIZ_INITIATED_MESSAGING"}],"violation":"SCAM"} 4`}},
		"direct send": {webhook.AccountRestrictionLifted, &webhook.Restriction{Violation: "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_UNBAN"}, []string{`account/1022 restriction.direct_send {"status":"none"} 0`, `account/1022 restriction_notice.direct_send {"status":"none"} 0`}},
		"lowered":     {webhook.PhoneLimitLowered, &webhook.Quality{Event: "DOWNGRADE", DailyPerBusiness: "TIER_2K"}, []string{`account/1022 limit.daily_per_business "2000" 1073739824`, `phone/1022/15550001111 limit_event {"event":"DOWNGRADE","limit":"TIER_2K"} 1`}},
		"lost access": {webhook.AccountPartnerRemoved, &webhook.Partner{Owner: "880", Reason: "ACCOUNT_DISCONNECTED"}, []string{`account/1022 partner {"status":"removed","owner":"880","reason":"ACCOUNT_DISCONNECTED"} 1`}},
		"installed":   {webhook.AccountPartnerAppInstalled, &webhook.Partner{App: "7"}, []string{`account/1022 partner_app.7 {"status":"installed","app":"7"} 0`}},
		"uninstalled": {webhook.AccountPartnerAppUninstalled, &webhook.Partner{App: "a/7"}, []string{`account/1022 partner_app {"status":"uninstalled","app":"a/7"} 1`}},
		"lifted":      {webhook.AccountRestrictionLifted, &webhook.Restriction{}, []string{`account/1022 restriction {"status":"none"} 0`, `account/1022 restriction_notice {"status":"none"} 0`}},
		"reported":    {webhook.AccountRestrictionReported, &webhook.Restriction{}, []string{`account/1022 restriction_notice {"status":"reported","event":"evt_7"} 2`}},
		"capability":  {webhook.AccountCapabilityUpdated, &webhook.Capability{PhonesPerAccount: "20"}, []string{`account/1022 limit.phones_per_account "20" 1073741804`}},
		"flagged":     {webhook.PhoneFlagged, &webhook.Quality{Limit: "TIER_1K"}, []string{`phone/1022/15550001111 limit "1000" 1073740824`, `phone/1022/15550001111 quality "flagged" 1`}},
		"added":       {webhook.PhoneAdded, &webhook.None{}, []string{`phone/1022/15550001111 presence {"status":"added"} 0`}},
		"stopped":     {webhook.ContactMarketingStopped, &webhook.Preference{Contact: webhook.Contact{UserID: "US.1", WaID: "1555"}, Basis: "user_preferences"}, []string{`contact/400/US.1 marketing {"status":"stopped","basis":"user_preferences"} 1`, `contact/400/1555 marketing {"status":"stopped","basis":"user_preferences"} 1`, `contact/15550001111/US.1 marketing {"status":"stopped","basis":"user_preferences"} 1`, `contact/15550001111/1555 marketing {"status":"stopped","basis":"user_preferences"} 1`}},
		"a failure":   {webhook.ContactMarketingStopped, &webhook.Preference{Contact: webhook.Contact{WaID: "1555"}, Basis: "status_131050", Message: "wamid.1"}, []string{`contact/400/1555 marketing {"status":"stopped","basis":"status_131050"} 1`, `contact/15550001111/1555 marketing {"status":"stopped","basis":"status_131050"} 1`}},
		"failed":      {webhook.MessageFailed, &webhook.MessageStatus{Message: "wamid.1", Errors: []webhook.MessageError{{Code: "131050"}}}, nil},
		"received":    {webhook.MessageReceived, &webhook.Message{ID: "wamid.1", Text: "STOP"}, nil},
		"username":    {webhook.PhoneUsernameUpdated, &webhook.Username{Username: "x", Status: "approved"}, []string{`phone/1022/15550001111 username {"username":"x","status":"approved"} 0`}},
		"no username": {webhook.PhoneUsernameUpdated, &webhook.Username{Username: "x", Status: "deleted"}, []string{`phone/1022/15550001111 username {"status":"deleted"} 2`}},
		"payment":     {webhook.AccountPaymentUpdated, &webhook.Payment{Configuration: "shop", Provider: "payu", Merchant: "m", Status: "Needs Connecting", Updated: time.Unix(1, 0)}, []string{`account/1022 payment.shop {"status":"Needs Connecting","provider":"payu","merchant":"m"} 1`}},
		"odd payment": {webhook.AccountPaymentUpdated, &webhook.Payment{Configuration: "a\nb", Status: "Active"}, []string{`account/1022 payment."a\nb" {"status":"Active"} 0`}},
		"solution":    {webhook.PartnerSolutionUpdated, &webhook.Solution{ID: "77", Business: "88"}, nil},
		"template":    {webhook.TemplateRejected, &webhook.TemplateStatus{Template: webhook.Template{Name: "promo_a", Language: "en_US"}, Status: "REJECTED", Reason: "SCAM", Category: "MARKETING"}, []string{`template/1022/promo_a:en_US status {"status":"REJECTED","reason":"SCAM","name":"promo_a","language":"en_US","event":"evt_7"} 6`, `template/1022/promo_a:en_US category "MARKETING" 1`}},
		"edited":      {webhook.TemplateEdited, &webhook.TemplateComponents{Template: webhook.Template{ID: "55"}}, nil},
		"flow":        {webhook.FlowStatusChanged, &webhook.Flow{ID: "4", Status: "BLOCKED"}, nil},
		"renamed":     {webhook.PhoneNameReviewed, &webhook.Name{Decision: "REJECTED", Requested: "A"}, []string{`phone/1022/15550001111 name {"decision":"REJECTED","requested":"A","event":"evt_7"} 1`}},
		"said":        {webhook.ContactMarketingStopped, &webhook.Preference{Contact: webhook.Contact{UserID: "US.1"}, Basis: "keyword", Message: "wamid.1"}, []string{`contact/400/US.1 marketing {"status":"stopped","basis":"keyword","message":"wamid.1"} 1`, `contact/15550001111/US.1 marketing {"status":"stopped","basis":"keyword","message":"wamid.1"} 1`}},
		"only by id":  {webhook.ContactMarketingResumed, &webhook.Preference{Contact: webhook.Contact{UserID: "US.1"}}, []string{`contact/400/US.1 marketing {"status":"resumed","basis":""} 0`, `contact/15550001111/US.1 marketing {"status":"resumed","basis":""} 0`}},
		"another":     {webhook.ContactIDChanged, &webhook.Identity{Contact: webhook.Contact{UserID: "US.2", WaID: "1556"}, Previous: webhook.Contact{UserID: "US.1", ParentUserID: "US.ENT.1", WaID: "1555"}, Reason: "user_changed_number"}, []string{`contact/400/US.2 previous {"user_id":"US.1","parent_user_id":"US.ENT.1","wa_id":"1555","reason":"user_changed_number"} 0`, `contact/400/1556 previous {"user_id":"US.1","parent_user_id":"US.ENT.1","wa_id":"1555","reason":"user_changed_number"} 0`, `contact/15550001111/US.2 previous {"user_id":"US.1","parent_user_id":"US.ENT.1","wa_id":"1555","reason":"user_changed_number"} 0`, `contact/15550001111/1556 previous {"user_id":"US.1","parent_user_id":"US.ENT.1","wa_id":"1555","reason":"user_changed_number"} 0`}},
		"another id":  {webhook.ContactIDChanged, &webhook.Identity{Contact: webhook.Contact{UserID: "US.2", WaID: "1555"}, Previous: webhook.Contact{UserID: "US.1"}}, []string{`contact/400/US.2 previous {"user_id":"US.1"} 0`, `contact/400/1555 previous {"user_id":"US.1"} 0`, `contact/15550001111/US.2 previous {"user_id":"US.1"} 0`, `contact/15550001111/1555 previous {"user_id":"US.1"} 0`}},
		"itself":      {webhook.ContactIDChanged, &webhook.Identity{Contact: webhook.Contact{WaID: "1555"}, Previous: webhook.Contact{UserID: "US.1", WaID: "1555"}}, nil},
		"of no past":  {webhook.ContactIDChanged, &webhook.Identity{Contact: webhook.Contact{UserID: "US.2"}, Previous: webhook.Contact{ParentUserID: "US.ENT.1"}}, nil},
		"informs":     {webhook.AccountMarketingTermsSigned, &webhook.Partner{}, nil},
		"unknown":     {webhook.Unrecognized, &webhook.Raw{}, nil},
		"not renamed": {webhook.AccountReviewed, &webhook.Review{Decision: "REJECTED"}, []string{`account/1022 review {"decision":"REJECTED","event":"evt_7"} 1`}},
	} {
		t.Run(name, func(t *testing.T) {
			e := webhook.Event{ID: "evt_7", Type: c.of, Account: account, Phone: phone, Time: time.Unix(1790000000, 0), Data: c.data}
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
			if c.of == webhook.ContactIDChanged {
				e.Phone.ID = ""
			}
			for _, change := range changes(e) {
				if change.Entity == "account/" || strings.HasPrefix(change.Entity, "phone//") || strings.HasPrefix(change.Entity, "template//") ||
					strings.HasPrefix(change.Entity, "contact//") {
					t.Errorf("a change of nobody: %s", change.Entity)
				}
			}
		})
	}
}

// Of two limits the lower one is the safer to believe, however they are written.
func TestLimits(t *testing.T) {
	limit := func(text string) webhook.Change { return limitFact(webhook.Event{}, "", "", text) }
	order := []string{"TIER_UNLIMITED", "TIER_100K", "TIER_10K", "TIER_2K", "TIER_1K", "250", "TIER_50"}
	for i := 1; i < len(order); i++ {
		if limit(order[i]).Safety <= limit(order[i-1]).Safety {
			t.Errorf("%s is not safer than %s", order[i], order[i-1])
		}
	}
	if limit("2000") != limit("TIER_2K") || limit("-1") != limit("TIER_UNLIMITED") {
		t.Error("two spellings of a limit differ")
	}
	for _, odd := range []string{"TIER_NOT_SET", "99999999999999999999K", "-5"} {
		if got := limit(odd); got.Value != `"`+odd+`"` || got.Safety != 0 {
			t.Errorf("%s became %+v", odd, got)
		}
	}
}
