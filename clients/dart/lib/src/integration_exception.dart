/// The service refused a request, or what answered was not the service.
///
/// [code] is the service's own, for example `INTEGRATION_NOT_FOUND` or `INVALID_CONFIG`; it is `UNEXPECTED_ANSWER` if
/// the answer is not in the service's form, as that of a proxy. [details] has the messages for each field that is not
/// valid, as `{'channel': ['this field is required']}`.
class IntegrationException implements Exception {
  const IntegrationException({
    required this.statusCode,
    required this.code,
    required this.message,
    this.details = const {},
  });

  /// Reads an answer of the status [statusCode] that is no success.
  factory IntegrationException.fromAnswer(int statusCode, Object? answer) {
    if (answer is! Map<String, dynamic> || answer['error'] is! String) {
      return IntegrationException(
        statusCode: statusCode,
        code: 'UNEXPECTED_ANSWER',
        message: 'The integrations are not available (HTTP $statusCode).',
      );
    }
    final details = answer['details'] as Map<String, dynamic>? ?? const {};
    return IntegrationException(
      statusCode: statusCode,
      code: answer['error'] as String,
      message: answer['message'] as String,
      details: {
        for (final entry in details.entries) entry.key: List<String>.from(entry.value as List<dynamic>),
      },
    );
  }

  final int statusCode;
  final String code;

  /// A sentence for people, in English.
  final String message;
  final Map<String, List<String>> details;

  /// Whether the token is missing or no longer valid.
  bool get isSignedOut => statusCode == 401;

  @override
  String toString() => 'IntegrationException($statusCode $code): $message';
}
