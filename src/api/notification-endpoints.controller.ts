/** Where notifications go, and what became of them. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Workplace } from '../erasure/workplace.js';
import { checkEndpointUrl } from '../notifications/endpoint-url.js';
import { makeEndpoint } from '../notifications/endpoints.js';
import type { MadeEndpoint } from '../notifications/endpoints.js';
import type { PageOf } from '../store/cursor.js';
import { listDeliveries, redeliver } from '../store/notification-deliveries.js';
import type { DeliveryResource } from '../store/notification-deliveries.js';
import { deleteEndpoint, ENDPOINTS_MAX, listEndpoints } from '../store/notification-endpoints.js';
import type { EndpointResource } from '../store/notification-endpoints.js';
import { IdPipe } from './id.pipe.js';
import { PageQuery } from './items.dto.js';
import { Needs } from './key.guard.js';
import { NoBody, NoQuery } from './no-input.dto.js';
import { MakeEndpointDto } from './notification-endpoints.dto.js';
import { pageOf, pageOr } from './page.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';
import { jsonResponse } from './resource-schemas.js';

@ApiTags('Notifications')
@Controller('v1/notification-endpoints')
export class NotificationEndpointsController {
  constructor(@Inject(Workplace) private readonly workplace: Workplace) {}

  @Post()
  @Needs('admin')
  @ApiOperation({ summary: 'Make an endpoint; its secret is shown this once' })
  @ApiResponse(jsonResponse(201, 'The endpoint, with its secret.', 'MadeNotificationEndpoint'))
  @ApiResponse(problemResponse(400, 'The body is not valid, or notifications may not go to that URL.'))
  @ApiResponse(problemResponse(409, 'There are as many endpoints as there may be.'))
  async make(@Body() body: MakeEndpointDto, @Query() _query: NoQuery): Promise<MadeEndpoint> {
    const { database, vault, settings } = this.workplace;
    const checked = checkEndpointUrl(body.url, settings.allowPrivateEndpoints);
    if (!checked.ok) {
      const errors = [{ path: '/url', message: checked.problem }];
      throw new Problem('invalid_input', 'The input has errors.', { errors });
    }
    const made = await makeEndpoint(database, vault, checked.url, body.events ?? null);
    if (made !== null) return made;
    throw new Problem('too_many_endpoints', `An installation has at most ${ENDPOINTS_MAX} endpoints.`);
  }

  @Get()
  @Needs('admin')
  @ApiOperation({ summary: 'List the endpoints' })
  @ApiResponse(jsonResponse(200, 'A page of endpoints, oldest first.', 'NotificationEndpointPage'))
  @ApiResponse(problemResponse(400, 'A parameter is not valid.'))
  async list(@Query() query: PageQuery): Promise<PageOf<EndpointResource>> {
    return pageOr(await listEndpoints(this.workplace.database, this.workplace.vault, pageOf(query)));
  }

  @Delete(':id')
  @HttpCode(204)
  @Needs('admin')
  @ApiBody({ type: NoBody, required: false })
  @ApiOperation({ summary: 'Delete an endpoint, its secret and its delivery log' })
  @ApiResponse({ status: 204, description: 'It is gone, and nothing more is sent to it.' })
  @ApiResponse(problemResponse(400, 'The id is not a UUID.'))
  @ApiResponse(problemResponse(404, 'No such endpoint.'))
  async remove(@Param('id', IdPipe) id: string, @Body() _body: NoBody, @Query() _query: NoQuery): Promise<void> {
    if (!(await deleteEndpoint(this.workplace.database, id))) throw unknown();
  }

  @Get(':id/deliveries')
  @Needs('admin')
  @ApiOperation({ summary: 'List the deliveries to an endpoint' })
  @ApiResponse(jsonResponse(200, 'A page of deliveries, newest first.', 'NotificationDeliveryPage'))
  @ApiResponse(problemResponse(400, 'A parameter is not valid.'))
  @ApiResponse(problemResponse(404, 'No such endpoint.'))
  async deliveries(@Param('id', IdPipe) id: string, @Query() query: PageQuery): Promise<PageOf<DeliveryResource>> {
    const found = await listDeliveries(this.workplace.database, id, pageOf(query));
    if (found === 'not_found') throw unknown();
    return pageOr(found);
  }

  @Post(':id/deliveries/:deliveryId/redeliver')
  @HttpCode(202)
  @Needs('admin')
  @ApiBody({ type: NoBody, required: false })
  @ApiOperation({ summary: 'Send a delivery again, under the same webhook-id' })
  @ApiResponse(jsonResponse(202, 'It is pending, with three days of attempts before it.', 'NotificationDelivery'))
  @ApiResponse(problemResponse(400, 'An id is not a UUID.'))
  @ApiResponse(problemResponse(404, 'No such endpoint or delivery.'))
  @ApiResponse(problemResponse(409, 'The endpoint is disabled.'))
  async again(
    @Param('id', IdPipe) endpointId: string,
    @Param('deliveryId', IdPipe) deliveryId: string,
    @Body() _body: NoBody,
    @Query() _query: NoQuery,
  ): Promise<DeliveryResource> {
    const found = await redeliver(this.workplace.database, { endpointId, deliveryId });
    if (found === 'not_found') throw unknown();
    if (found === 'endpoint_disabled') {
      throw new Problem(found, 'It answered 410. Make a new endpoint where messages are wanted again.');
    }
    this.workplace.doorbell.ring([...this.workplace.systems.keys()]);
    return found;
  }
}

function unknown(): Problem {
  return new Problem('not_found', 'There is no such endpoint or delivery.');
}
