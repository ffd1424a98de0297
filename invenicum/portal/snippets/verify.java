import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

class Webhook {
    // headers: by name in lower case
    static boolean verify(byte[] body, Map<String, String> headers, String secret) throws GeneralSecurityException {
        String sentAt = headers.get("webhook-timestamp");
        if (Math.abs(System.currentTimeMillis() / 1000 - Long.parseLong(sentAt)) > 300) {
            return false;
        }
        byte[] key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((headers.get("webhook-id") + "." + sentAt + ".").getBytes());
        mac.update(body);
        byte[] right = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal())).getBytes();
        for (String one : headers.get("webhook-signature").split(" ")) {
            if (MessageDigest.isEqual(one.getBytes(), right)) {
                return true;
            }
        }
        return false;
    }
}
