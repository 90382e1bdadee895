package meta

import (
	"slices"
	"strings"
	"time"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// partner reads waba_info and disconnection_info, both of which may be left out.
func partner(t webhook.Type) accountReader {
	return func(value lenient.Object, _ time.Time) (webhook.Type, any, string) {
		info, disconnection := value.Object("waba_info"), value.Object("disconnection_info")
		adAccount := info.Get("ad_account_linked").Text()
		if adAccount == "" { // so spelled on another of Meta's pages
			adAccount = info.Get("ad_account_id").Text()
		}
		return t, &webhook.Partner{
			Owner:            info.Get("owner_business_id").Text(),
			App:              info.Get("partner_app_id").Text(),
			Solution:         info.Get("solution_id").Text(),
			SolutionPartners: info.Get("solution_partner_business_ids").Texts(),
			AdAccount:        adAccount,
			Reason:           disconnection.Get("reason").Text(),
			InitiatedBy:      disconnection.Get("initiated_by").Text(),
		}, ""
	}
}

// certification reads partner_client_certification_info (Meta: account_update reference; Partner-led business verification).
// The first page writes reasons with spaces, the second with underscores; NONE is none.
func certification(value lenient.Object, _ time.Time) (webhook.Type, any, string) {
	info := value.Object("partner_client_certification_info")
	data := &webhook.PartnerVerification{
		ClientBusiness: info.Get("client_business_id").Text(),
		Status:         info.Get("status").Text(),
	}
	for _, reason := range info.Get("rejection_reasons").Texts() {
		if reason = strings.ReplaceAll(reason, " ", "_"); reason != "NONE" && !slices.Contains(data.Reasons, reason) {
			data.Reasons = append(data.Reasons, reason)
		}
	}
	if data.Status == "" {
		return "", nil, incomplete
	}
	return webhook.AccountPartnerVerification, data, ""
}

func certificationNeeded(value lenient.Object, _ time.Time) (webhook.Type, any, string) {
	info := value.Object("partner_client_certification_needed_info")
	return webhook.AccountPartnerVerification, &webhook.PartnerVerification{ClientBusiness: info.Get("client_business_id").Text(), Status: "NEEDED"}, ""
}

const solutionsField = "partner_solutions"

// solution reads partner_solutions (Meta: its reference). A business portfolio is told of it: entry.id is no account.
func solution(c Change, value lenient.Object) (webhook.Event, string) {
	data := &webhook.Solution{
		ID:       value.Get("solution_id").Text(),
		Business: c.Account,
		Event:    value.Get("event").Text(),
		Status:   value.Get("solution_status").Text(),
	}
	switch {
	case data.Event != "SOLUTION_CREATED" && data.Event != "SOLUTION_UPDATED":
		return webhook.Event{}, unknownEvent
	case data.ID == "":
		return webhook.Event{}, incomplete
	}
	return webhook.Event{Type: webhook.PartnerSolutionUpdated, Data: data}, ""
}
