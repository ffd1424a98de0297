/// Client of Invenicum Integrations.
library;

export 'src/integration_exception.dart';
export 'src/integration_service.dart';
export 'src/models.dart';
