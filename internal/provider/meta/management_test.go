package meta_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/webhook"
)

const template = `"message_template_id":5550001,"message_template_name":"promo_a","message_template_language":"en-US"`

// Who tells of a template spells things in several ways; what is told does not.
func TestTemplates(t *testing.T) {
	promo := webhook.Template{ID: "5550001", Name: "promo_a", Language: "en_US"}
	status := func(of string) *webhook.TemplateStatus {
		return &webhook.TemplateStatus{Template: promo, Status: of}
	}
	disabled, rejected := status("DISABLED"), status("REJECTED")
	disabled.DisableDate = time.Unix(1790004155, 0).UTC()
	rejected.Reason, rejected.Description, rejected.Recommendation = "INVALID_FORMAT", "what is wrong", "what to change"
	const statuses, scores, categories = "message_template_status_update", "message_template_quality_update", "template_category_update"
	for name, c := range map[string]struct {
		field, value string
		want         webhook.Type
		data         any // nil for what is unrecognized
	}{
		"id as a text":               {statuses, `{"event":"PAUSED","message_template_id":"5550001","message_template_name":"promo_a","message_template_language":"en_US"}`, webhook.TemplatePaused, status("PAUSED")},
		"reason null":                {statuses, `{"event":"PENDING_DELETION","reason":null,` + template + `}`, webhook.TemplateDeletionPending, status("PENDING_DELETION")},
		"reason NONE":                {statuses, `{"event":"APPROVED","reason":"NONE",` + template + `}`, webhook.TemplateApproved, status("APPROVED")},
		"parts that are null":        {statuses, `{"event":"FLAGGED","disable_info":null,"other_info":null,"rejection_info":null,` + template + `}`, webhook.TemplateFlagged, status("FLAGGED")},
		"date as a number":           {statuses, `{"event":"DISABLED","disable_info":{"disable_date":1790004155},` + template + `}`, webhook.TemplateDisabled, disabled},
		"date as a text":             {statuses, `{"event":"DISABLED","disable_info":{"disable_date":"1790004155"},` + template + `}`, webhook.TemplateDisabled, disabled},
		"rejected for its format":    {statuses, `{"event":"REJECTED","reason":"INVALID_FORMAT","rejection_info":{"reason":"what is wrong","recommendation":"what to change"},` + template + `}`, webhook.TemplateRejected, rejected},
		"no name":                    {statuses, `{"event":"LOCKED","message_template_id":5550001}`, webhook.TemplateLocked, &webhook.TemplateStatus{Template: webhook.Template{ID: "5550001"}, Status: "LOCKED"}},
		"no id":                      {statuses, `{"event":"LOCKED","message_template_name":"promo_a","message_template_language":"zh-Hant-TW"}`, webhook.TemplateLocked, &webhook.TemplateStatus{Template: webhook.Template{Name: "promo_a", Language: "zh_Hant_TW"}, Status: "LOCKED"}},
		"neither id nor name":        {statuses, `{"event":"LOCKED","message_template_language":"en_US"}`, webhook.Unrecognized, nil},
		"id that cannot name any":    {statuses, `{"event":"LOCKED","message_template_id":"5/1"}`, webhook.Unrecognized, nil},
		"unknown event":              {statuses, `{"event":"SHINED",` + template + `}`, webhook.Unrecognized, nil},
		"event in lower case":        {statuses, `{"event":"approved",` + template + `}`, webhook.Unrecognized, nil},
		"no event":                   {statuses, `{` + template + `}`, webhook.Unrecognized, nil},
		"quality under status":       {statuses, `{"new_quality_score":"RED",` + template + `}`, webhook.TemplateQualityChanged, &webhook.TemplateQuality{Template: promo, Score: "RED"}},
		"quality":                    {scores, `{"new_quality_score":"UNKNOWN","previous_quality_score":null,` + template + `}`, webhook.TemplateQualityChanged, &webhook.TemplateQuality{Template: promo, Score: "UNKNOWN"}},
		"quality with another event": {scores, `{"event":"QUALITY","new_quality_score":"GREEN",` + template + `}`, webhook.TemplateQualityChanged, &webhook.TemplateQuality{Template: promo, Score: "GREEN"}},
		"status under quality":       {scores, `{"event":"PAUSED",` + template + `}`, webhook.TemplatePaused, status("PAUSED")},
		"no quality":                 {scores, `{"previous_quality_score":"GREEN",` + template + `}`, webhook.Unrecognized, nil},
		"category before it changes": {categories, `{"correct_category":"MARKETING","new_category":"UTILITY","category_update_timestamp":"1790090650",` + template + `}`, webhook.TemplateCategoryChanging, &webhook.TemplateCategory{Template: promo, Category: "UTILITY", Correct: "MARKETING", At: time.Unix(1790090650, 0).UTC()}},
		"category, announced barely": {categories, `{"correct_category":"MARKETING",` + template + `}`, webhook.TemplateCategoryChanging, &webhook.TemplateCategory{Template: promo, Correct: "MARKETING"}},
		"category after it changed":  {categories, `{"previous_category":"UTILITY","new_category":"MARKETING","correct_category":null,` + template + `}`, webhook.TemplateCategoryChanged, &webhook.TemplateCategory{Template: promo, Category: "MARKETING", Previous: "UTILITY"}},
		"category, and an appeal":    {categories, `{"previous_category":"MARKETING","new_category":"UTILITY","correct_category":"MARKETING",` + template + `}`, webhook.TemplateCategoryChanged, &webhook.TemplateCategory{Template: promo, Category: "UTILITY", Correct: "MARKETING", Previous: "MARKETING"}},
		"category without a past":    {categories, `{"new_category":"MARKETING",` + template + `}`, webhook.TemplateCategoryChanged, &webhook.TemplateCategory{Template: promo, Category: "MARKETING"}},
		"category without one":       {categories, `{"previous_category":"MARKETING",` + template + `}`, webhook.Unrecognized, nil},
		"mismatch without the right": {"template_correct_category_detection", `{"category":"UTILITY",` + template + `}`, webhook.Unrecognized, nil},
		"one button":                 {"message_template_components_update", `{"message_template_buttons":{"message_template_button_type":"OTP"},` + template + `}`, webhook.TemplateEdited, &webhook.TemplateComponents{Template: promo, Buttons: []webhook.TemplateButton{{Type: "OTP"}}}},
		"nothing of what it says":    {"message_template_components_update", `{"message_template_buttons":null,` + template + `}`, webhook.TemplateEdited, &webhook.TemplateComponents{Template: promo}},
		"a button that is none":      {"message_template_components_update", `{"message_template_buttons":[{"message_template_button_type":"OTP"},7],` + template + `}`, webhook.Unrecognized, nil},
	} {
		e := one(t, about(c.field, c.value))
		if e.Type != c.want || e.Account != "300100200" || e.Key == "" {
			t.Errorf("%s: %s of account %q, key %q, want %s", name, e.Type, e.Account, e.Key, c.want)
			continue
		}
		if c.data == nil {
			c.data = &webhook.Raw{Reason: e.Data.(*webhook.Raw).Reason, Value: webhook.Body(`{"field":"` + c.field + `","value":` + c.value + `}`)}
		}
		if diff := cmp.Diff(c.data, e.Data); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// Every status that Meta documents has a type of its own, by its name.
func TestTemplateStatuses(t *testing.T) {
	names := map[string]string{"PENDING_DELETION": "deletion_pending"} // the others are called as at Meta
	types := map[webhook.Type]bool{}
	for status := range strings.FieldsSeq(`APPROVED REJECTED PENDING PAUSED DISABLED FLAGGED REINSTATED IN_APPEAL LOCKED LIMIT_EXCEEDED ARCHIVED UNARCHIVED
		DELETED PENDING_DELETION`) {
		want, ok := names[status]
		if !ok {
			want = strings.ToLower(status)
		}
		e := one(t, about("message_template_status_update", `{"event":"`+status+`",`+template+`}`))
		if string(e.Type) != "template."+want {
			t.Errorf("%s became %s", status, e.Type)
		}
		types[e.Type] = true
	}
	if len(types) != 14 {
		t.Errorf("%d types", len(types))
	}
}

// A partner solution is of a business portfolio: nobody may take that for an account, understood or not.
func TestPortfolioIsNoAccount(t *testing.T) {
	for value, want := range map[string]webhook.Type{
		`{"event":"SOLUTION_CREATED","solution_id":770000001}`: webhook.PartnerSolutionUpdated,
		`{"event":"SOLUTION_CREATED"}`:                         webhook.Unrecognized,
		`{"event":"SOLUTION_ENDED","solution_id":"77"}`:        webhook.Unrecognized,
		`null`: webhook.Unrecognized,
	} {
		body := about("partner_solutions", value)
		e := one(t, body)
		if e.Type != want || e.Account != "" || !strings.Contains(e.Key, `"300100200"`) {
			t.Errorf("%s: %s of account %q, key %s", value, e.Type, e.Account, e.Key)
		}
		if s, ok := e.Data.(*webhook.Solution); ok && (s.Business != "300100200" || s.ID != "770000001") {
			t.Errorf("%+v", s)
		}
		if peek := known(t, "secret").Peek(body); len(peek.Accounts) > 0 || !peek.Urgent {
			t.Errorf("%s: peek says %+v", value, peek)
		}
	}
	// What partners are told without an account is neither, but for a number that left its partner.
	for value, account := range map[string]string{
		`{"event":"PARTNER_APP_UNINSTALLED"}`:                                  "",
		`{"event":"PARTNER_ADDED","waba_info":{"owner_business_id":"88"}}`:     "",
		`{"event":"PARTNER_REMOVED","waba_info":null}`:                         "",
		`{"event":"PARTNER_REMOVED","phone_number":"15550100001"}`:             "300100200",
		`{"event":"AD_ACCOUNT_LINKED","waba_info":{"waba_id":"77"}}`:           "77",
		`{"event":"MM_LITE_TERMS_SIGNED","waba_info":{"ad_account_id":"330"}}`: "",
		`{"event":"PARTNER_CLIENT_CERTIFICATION_NEEDED"}`:                      "300100200",
	} {
		e := one(t, about("account_update", value))
		business := ""
		if data, ok := e.Data.(*webhook.Partner); ok {
			business = data.Business
		}
		if e.Account != account || (business == "300100200") != (account == "") || e.Type == webhook.Unrecognized {
			t.Errorf("%s: %s of account %q, business %q", value, e.Type, e.Account, business)
		}
	}
	for _, value := range []string{`{"event":"PARTNER_OF_TOMORROW","waba_info":{"waba_id":"77"}}`, `{"event":"DISABLED_UPDATE","waba_info":{"waba_id":"77"}}`} {
		if e := one(t, about("account_update", value)); e.Type != webhook.Unrecognized || e.Account != "77" {
			t.Errorf("%s: %s of account %q", value, e.Type, e.Account)
		}
	}
	if e := one(t, []byte(strings.Replace(string(about("account_update", `{"event":"PARTNER_ADDED"}`)), `"id":"300100200",`, "", 1))); e.Type != webhook.Unrecognized {
		t.Errorf("of nobody: %s", e.Type)
	}
	// What else is said of the same id is said of an account.
	for _, body := range []string{
		`{"entry":[{"id":"1","changes":[{"field":"partner_solutions"},{"field":"security"}]}]}`,
		`{"entry":[{"changes":[{"field":"security"},{"field":"partner_solutions"}],"id":"1"}]}`,
		`{"entry":[{"id":"1","changes":[{"field":"partner_solutions"}]},{"id":"1","changes":[{"field":"security"}]}]}`,
		`{"entry":[{"id":"1","changes":[]}]}`,
	} {
		if accounts := known(t, "secret").Peek([]byte(body)).Accounts; !cmp.Equal(accounts, []string{"1"}) {
			t.Errorf("%s: accounts %q", body, accounts)
		}
	}
}

// A payment configuration is as of the envelope's time; its own is asked if there is no other.
func TestPaymentTime(t *testing.T) {
	const form = `{"object":"whatsapp_business_account","entry":[{"id":"300100200",TIME"changes":[{"field":"payment_configuration_update","value":` +
		`{"configuration_name":"shop_in","status":"Active","created_timestamp":1,"updated_timestamp":"1790004345"}}]}]}`
	for text, want := range map[string]int64{`"time":1790001000,`: 1790001000, ``: 1790004345} {
		if e := one(t, []byte(strings.Replace(form, "TIME", text, 1))); e.Time.Unix() != want || e.Key == "" || e.Type != webhook.AccountPaymentUpdated {
			t.Errorf("with %q: %s at %s, key %q", text, e.Type, e.Time, e.Key)
		}
	}
}

func TestSpellings(t *testing.T) {
	verified := one(t, about("account_update", `{"event":"PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE","partner_client_certification_info":{"status":"FAILED","rejection_reasons":["LEGAL NAME NOT MATCHING","NONE","LEGAL_NAME_NOT_MATCHING"]}}`))
	if diff := cmp.Diff(&webhook.PartnerVerification{Status: "FAILED", Reasons: []string{"LEGAL_NAME_NOT_MATCHING"}}, verified.Data); diff != "" {
		t.Error(diff)
	}
	restricted := one(t, about("account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTION_ON_ADD_PHONE_NUMBER_ACTION"}]}`))
	if diff := cmp.Diff(&webhook.Restriction{Restrictions: []webhook.Restricted{{Type: "RESTRICTED_ADD_PHONE_NUMBER_ACTION"}}}, restricted.Data); diff != "" {
		t.Error(diff)
	}
	username := one(t, about("business_username_update", `{"display_phone_number":"+1 555 010-0001","username":"x","status":"reserved"}`))
	if username.Type != webhook.PhoneUsernameUpdated || username.Phone.Number != "15550100001" {
		t.Errorf("%s of %+v", username.Type, username.Phone)
	}
}
