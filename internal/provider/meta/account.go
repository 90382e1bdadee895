package meta

import (
	"time"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// accountUpdate reads account_update (Meta: account_update reference; Managing webhooks). Where it names an account in
// waba_info, that is the account: entry.id is then a business portfolio in Meta's own examples. It may be one as well in what
// partners are told without waba_info; only where a coexistence number left its partner is it the account's then.
func accountUpdate(c Change, value lenient.Object) (webhook.Event, string) {
	account := value.Object("waba_info").Get("waba_id")
	e := webhook.Event{Account: account.Text(), Phone: webhook.Phone{Number: phoneNumber(c, value)}}
	if e.Account == "" && !account.Missing() {
		return e, badAccount
	}
	reading := readAccount(value.Get("event").Text())
	if reading == nil {
		return e, unknownEvent
	}
	var reason string
	e.Type, e.Data, reason = reading(value, c.Received)
	if data, ok := e.Data.(*webhook.Partner); ok && c.Entry && e.Account == "" && (e.Type != webhook.AccountPartnerRemoved || e.Phone.Number == "") {
		data.Business = c.Account
	}
	return e, reason
}

// An accountReader finds the type and the data of one event of account_update.
type accountReader func(value lenient.Object, received time.Time) (t webhook.Type, data any, reason string)

func readAccount(event string) accountReader {
	switch event {
	case "DISABLED_UPDATE":
		return ban
	case "ACCOUNT_RESTRICTION":
		return restriction
	case "ACCOUNT_VIOLATION":
		return violation
	case "ACCOUNT_DELETED":
		return bare(webhook.AccountDeleted)
	case "ACCOUNT_OFFBOARDED":
		return bare(webhook.AccountOffboarded)
	case "ACCOUNT_RECONNECTED":
		return bare(webhook.AccountReconnected)
	case "PHONE_NUMBER_ADDED": // this and the next are seen through resellers, and not in the reference
		return bare(webhook.PhoneAdded)
	case "PHONE_NUMBER_REMOVED":
		return bare(webhook.PhoneRemoved)
	case "VERIFIED_ACCOUNT":
		return bare(webhook.PhoneVerified)
	case "PARTNER_ADDED":
		return partner(webhook.AccountPartnerAdded)
	case "PARTNER_REMOVED":
		return partner(webhook.AccountPartnerRemoved)
	case "PARTNER_APP_INSTALLED":
		return partner(webhook.AccountPartnerAppInstalled)
	case "PARTNER_APP_UNINSTALLED":
		return partner(webhook.AccountPartnerAppUninstalled)
	case "MM_LITE_TERMS_SIGNED":
		return partner(webhook.AccountMarketingTermsSigned)
	case "AD_ACCOUNT_LINKED":
		return partner(webhook.AccountAdAccountLinked)
	case "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE":
		return certification
	case "PARTNER_CLIENT_CERTIFICATION_NEEDED":
		return certificationNeeded
	case "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE":
		return country
	case "VOLUME_BASED_PRICING_TIER_UPDATE":
		return volumeTier
	case "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE":
		return authPricing
	}
	return nil
}

func bare(t webhook.Type) accountReader {
	return func(lenient.Object, time.Time) (webhook.Type, any, string) { return t, &webhook.None{}, "" }
}

// ban reads ban_info. One of Meta's pages shows the state in an array: of several the worst counts, because to go on
// sending would be worse than to stop.
func ban(value lenient.Object, _ time.Time) (webhook.Type, any, string) {
	info := value.Object("ban_info")
	data := &webhook.Ban{Date: info.Get("waba_ban_date").Text()}
	var worst webhook.Type
	for _, state := range info.Get("waba_ban_state").Texts() {
		t := banType(state)
		switch {
		case t == "":
			return "", nil, unknownEvent
		case worst == "", t == webhook.AccountBanned, t == webhook.AccountBanScheduled && worst == webhook.AccountReinstated:
			worst, data.State = t, state
		}
	}
	if worst == "" {
		return "", nil, unknownEvent
	}
	return worst, data, ""
}

func banType(state string) webhook.Type {
	switch state {
	case "DISABLE":
		return webhook.AccountBanned
	case "SCHEDULE_FOR_DISABLE":
		return webhook.AccountBanScheduled
	case "REINSTATE":
		return webhook.AccountReinstated
	}
	return ""
}

func violation(value lenient.Object, _ time.Time) (webhook.Type, any, string) {
	info := value.Object("violation_info")
	return webhook.AccountViolation, &webhook.Violation{Type: info.Get("violation_type").Text(), Remediation: info.Get("remediation").Text()}, ""
}

func country(value lenient.Object, _ time.Time) (webhook.Type, any, string) {
	code := value.Get("country").Text()
	if code == "" {
		return "", nil, incomplete
	}
	return webhook.AccountCountryUpdated, &webhook.Country{Code: code}, ""
}

func volumeTier(value lenient.Object, _ time.Time) (webhook.Type, any, string) {
	info := value.Object("volume_tier_info")
	data := &webhook.VolumeTier{
		Category: info.Get("pricing_category").Text(),
		Region:   info.Get("region").Text(),
		Tier:     info.Get("tier").Text(),
		Month:    info.Get("effective_month").Text(),
		Since:    info.Get("tier_update_time").Time(),
	}
	if data.Tier == "" {
		return "", nil, incomplete
	}
	return webhook.AccountVolumeTierUpdated, data, ""
}

func authPricing(value lenient.Object, _ time.Time) (webhook.Type, any, string) {
	info := value.Object("auth_international_rate_eligibility")
	if info == nil {
		return "", nil, incomplete
	}
	data := &webhook.AuthPricing{Start: info.Get("start_time").Time()}
	for element := range info.Get("exception_countries").Elements() {
		exception, _ := element.Object()
		if code := exception.Get("country_code").Text(); code != "" {
			data.Exceptions = append(data.Exceptions, webhook.PricingException{Country: code, Start: exception.Get("start_time").Time()})
		}
	}
	return webhook.AccountAuthPricingUpdated, data, ""
}
