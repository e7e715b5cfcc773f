"""What `/changes` tells of."""

from knowledge.rows import DOCUMENTS
from knowledge.serializers import DocumentListSerializer
from resources.changes import Feed
from tasks.rows import LABELS, TASKS
from tasks.serializers import LabelSerializer, TaskSerializer

FEED = Feed({TASKS: TaskSerializer, LABELS: LabelSerializer, DOCUMENTS: DocumentListSerializer})
