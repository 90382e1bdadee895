package meta

import (
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

func certification(value lenient.Object, _ time.Time) (webhook.Type, any, string) {
	info := value.Object("partner_client_certification_info")
	data := &webhook.PartnerVerification{
		ClientBusiness: info.Get("client_business_id").Text(),
		Status:         info.Get("status").Text(),
		Reasons:        info.Get("rejection_reasons").Texts(),
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
