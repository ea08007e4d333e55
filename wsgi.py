"""What gunicorn serves: `gunicorn wsgi:app`."""

from taskyard.app import create_app

app = create_app()
