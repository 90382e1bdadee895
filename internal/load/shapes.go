package load

// A shape is how a provider writes one kind of webhook: a body with {places} to fill in, see [place]. Where updates may be
// several, update is repeated, with commas between. The ids are invented; the members are those that providers document.
type shape struct {
	head, update, tail string
	single             bool // a webhook holds one update only
}

const (
	metaHead    = `{"object":"whatsapp_business_account","entry":[`
	metaTail    = `]}`
	metaNumber  = `"messaging_product":"whatsapp","metadata":{"display_phone_number":"{phone}","phone_number_id":"{phone_id}"}`
	metaMessage = `{"id":"{account}","changes":[{"value":{` + metaNumber + `,` +
		`"contacts":[{"profile":{"name":"A customer"},"wa_id":"{contact}"}],` +
		`"messages":[{"from":"{contact}","id":"{wamid}","timestamp":"{time}","type":"text","text":{"body":"{text}"}}]},"field":"messages"}]}`
	metaBan = `{"id":"{token}","time":{time},"changes":[{"field":"account_update","value":{"event":"DISABLED_UPDATE",` +
		`"ban_info":{"waba_ban_state":"{ban}","waba_ban_date":"October 22, 2025"}}}]}`
)

// metaShapes are those of Meta's reference: one entry for each update, as Meta puts them together.
func metaShapes() [kinds]shape {
	return [kinds]shape{
		Status: {head: metaHead, tail: metaTail, update: `{"id":"{account}","changes":[{"value":{` + metaNumber + `,` +
			`"statuses":[{"id":"{wamid}","status":"{status}","timestamp":"{time}","recipient_id":"{contact}",` +
			`"conversation":{"id":"6ceb9d929c9bdc4f90967a32f8639b42","expiration_timestamp":"{time}","origin":{"type":"marketing"}},` +
			`"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}}]},"field":"messages"}]}`},
		Message:    {head: metaHead, tail: metaTail, update: metaMessage},
		Big:        {head: metaHead, tail: metaTail, update: metaMessage},
		Ban:        {head: metaHead, tail: metaTail, update: metaBan, single: true},
		Reinstated: {head: metaHead, tail: metaTail, update: metaBan, single: true},
		Stop: {head: metaHead, tail: metaTail, update: `{"id":"{account}","changes":[{"value":{` + metaNumber + `,` +
			`"contacts":[{"profile":{"name":"A customer"},"wa_id":"{token}"}],` +
			`"user_preferences":[{"wa_id":"{token}","detail":"User requested to stop marketing messages","category":"marketing_messages",` +
			`"value":"stop","timestamp":{time}}]},"field":"user_preferences"}]}`},
		Unknown: {head: metaHead, tail: metaTail, single: true, update: `{"id":"{account}","time":{time},` +
			`"changes":[{"field":"future_field_update","value":{"reference":"r-{token}","state":"CHANGED"}}]}`},
	}
}

const (
	nxteleNumber = `"business_phone":"{phone}","merchant_phone":"{phone}","messaging_product":"whatsapp","wabaId":"{account}",` +
		`"metadata":{"display_phone_number":"{phone}","phone_number_id":"{phone_id}"}`
	nxteleMessages = `{"app_id":"1000","channel":2,` + nxteleNumber + `,"messages":[`
	nxteleMessage  = `{"from":"{contact}","id":"{wamid}","timestamp":"{time}","type":"text","text":{"body":"{text}"}}`
	nxteleBan      = `{"field":"account_update","value":{"ban_info":{"waba_ban_date":"October 22, 2025","waba_ban_state":"{ban}"},` +
		`"business_phone":"{phone}","event":"DISABLED_UPDATE","time":{time},"wabaId":"{token}"}}`
)

// nxteleShapes are those of NXCloud's wiki: lists of statuses or messages of one number, and a field with its value.
func nxteleShapes() [kinds]shape {
	return [kinds]shape{
		Status: {
			head: `{"app_id":"1000","channel":2,` + nxteleNumber + `,"statuses":[`, tail: `]}`,
			update: `{"id":"{wamid}","status":"{status}","timestamp":"{time}","recipient_id":"{contact}",` +
				`"conversation":{"id":"6ceb9d929c9bdc4f90967a32f8639b42","origin":{"type":"marketing"}},` +
				`"pricing":{"billable":true,"pricing_model":"PMP","category":"marketing"},` +
				`"costs":[{"currency":"USD","price":0.0125,"foreign_price":0.0125,"cdr_type":1,"direction":1}]}`,
		},
		Message:    {head: nxteleMessages, tail: `]}`, update: nxteleMessage},
		Big:        {head: nxteleMessages, tail: `]}`, update: nxteleMessage},
		Ban:        {update: nxteleBan, single: true},
		Reinstated: {update: nxteleBan, single: true},
		Stop: {
			head: `{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"{phone}","phone_number_id":"{phone_id}"},` +
				`"user_preferences":[`, tail: `]},"field":"user_preferences"}`,
			update: `{"wa_id":"{token}","detail":"User requested to stop marketing messages","category":"marketing_messages","value":"stop","timestamp":{time}}`,
		},
		Unknown: {single: true, update: `{"field":"future_field_update","value":{"business_phone":"{phone}","wabaId":"{account}","time":{time},` +
			`"reference":"r-{token}","state":"CHANGED"}}`},
	}
}
