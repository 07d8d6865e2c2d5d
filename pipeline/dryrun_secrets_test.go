package pipeline

import "testing"

func TestAMadeUpSecretThatIsCalledAnAddressIsOne(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"api_key": "made-up-api_key", "erp_url": "https://made-up-erp-url.invalid", "BaseURL": "https://made-up-baseurl.invalid", "token-endpoint": "https://made-up-token-endpoint.invalid",
		"sftp_host": "made-up-sftp-host.invalid", "security_token": "made-up-security_token", "": "made-up-",
	} {
		if got, isAddress := madeUp(name); got != want || isAddress != (got != "made-up-"+name) {
			t.Errorf("%s: got %s, %v, want %s", name, got, isAddress, want)
		}
	}
}
