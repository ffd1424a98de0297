require 'openssl'

# body: request.body.read; headers: by name in lower case
def verify(body, headers, secret)
  sent_at = headers['webhook-timestamp']
  return false if (Time.now.to_i - sent_at.to_i).abs > 300

  key = secret.delete_prefix('whsec_').unpack1('m')
  signed = "#{headers['webhook-id']}.#{sent_at}.".b + body.b
  right = 'v1,' + [OpenSSL::HMAC.digest('SHA256', key, signed)].pack('m0')
  headers['webhook-signature'].split.any? do |one|
    one.bytesize == right.bytesize && OpenSSL.fixed_length_secure_compare(one, right)
  end
end
